"""Time cut in buckets, as SQL. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from infraprism.collector.store import dialect


def bucket(column: str, edges: Sequence[int]) -> str:
    """The number of the bucket that a time is in, from 0; the times lie between the first edge and the last.

    Buckets of the same length in a row are one division: a year of days is a handful of cases, also where
    clocks are changed.
    """
    runs: list[tuple[int, int, int]] = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        if not runs or runs[-1][1] != end - begin:
            runs.append((begin, end - begin, number))
    cases = [f"{number} + {dialect.quotient(f'{column} - {begin}', step)}" for begin, step, number in runs]
    ends = [begin for begin, _, _ in runs[1:]]
    if not ends:
        return cases[0]
    until = " ".join(f"WHEN {column} < {end} THEN {case}" for end, case in zip(ends, cases, strict=False))
    return f"CASE {until} ELSE {cases[-1]} END"
