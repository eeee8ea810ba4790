"""Where the bars of a session's timeline stand, with its idle times folded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

#: Width of the axis.
WIDTH: Final = 1000
#: What all folded gaps together take of it, at most, and what one takes.
_ALL_GAPS: Final = 200
_ONE_GAP: Final = 20
#: A bar that would be narrower cannot be seen.
_THINNEST: Final = 4.0


class Bar(NamedTuple):
    """One item of the timeline with its place on the axis, 0 to `WIDTH`."""

    item: dict[str, Any]
    left: float
    width: float


def folded(items: Sequence[dict[str, Any]]) -> list[Bar]:
    """Each of `items` (of ``/timeline``, in the order of time) with its place.

    Time runs evenly along the axis but for the gaps, which are all of one width however long they were.
    """
    if not items:
        return []
    start = min(item["offset_ms"] for item in items)
    end = max(item["offset_ms"] + item["duration_ms"] for item in items)
    gaps = sorted(
        (item["offset_ms"], item["offset_ms"] + item["duration_ms"])
        for item in items
        if item["kind"] == "gap"
    )
    one_gap = min(_ONE_GAP, _ALL_GAPS / len(gaps)) if gaps else 0.0
    busy = end - start - sum(last - first for first, last in gaps)
    scale = (WIDTH - one_gap * len(gaps)) / busy if busy > 0 else 0.0

    def place(moment: int) -> float:
        at: float = (moment - start) * scale
        for first, last in gaps:
            if moment <= first:
                break
            passed = min(moment, last) - first
            at += one_gap * passed / (last - first) - passed * scale
        return at

    bars = []
    for item in items:
        left = place(item["offset_ms"])
        width = max(place(item["offset_ms"] + item["duration_ms"]) - left, _THINNEST)
        bars.append(Bar(item, round(min(left, WIDTH - width), 1), round(width, 1)))
    return bars
