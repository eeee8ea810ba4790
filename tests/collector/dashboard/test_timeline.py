"""Where the bars of a timeline stand."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infraprism.collector.dashboard import timeline


def item(kind: str, offset: int, duration: int) -> dict[str, Any]:
    return {"kind": kind, "offset_ms": offset, "duration_ms": duration}


def places(*items: dict[str, Any]) -> list[tuple[float, float]]:
    return [(bar.left, bar.width) for bar in timeline.folded(items)]


def test_without_gaps_time_runs_evenly() -> None:
    assert places(item("call", 5000, 1000), item("span", 5500, 500), item("call", 7000, 2000)) == [
        (0, 250),
        (125, 125),
        (500, 500),
    ]


def test_a_gap_is_as_wide_as_another_however_long_it_is() -> None:
    day = 86_400_000
    assert places(
        item("call", 0, 1000),
        item("gap", 1000, 61_000),
        item("call", 62_000, 1000),
        item("gap", 63_000, day),
        item("call", 63_000 + day, 2000),
    ) == [(0, 240), (240, 20), (260, 240), (500, 20), (520, 480)]


def test_what_took_no_time_is_seen_all_the_same() -> None:
    assert places(item("call", 0, 0)) == [(0, 4)]
    assert places(item("call", 0, 1000), item("call", 1000, 0)) == [(0, 1000), (996, 4)]
    assert places() == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5), st.booleans()), max_size=40))
def test_every_bar_lies_on_the_axis_in_the_order_of_time(steps: list[tuple[int, int, bool]]) -> None:
    items, at = [], 0
    for pause, took, is_gap in steps:
        if is_gap and items:
            items.append(item("gap", at, 60_001 + pause))
            at += 60_001 + pause
        items.append(item("call", at, took))
        at += took
    bars = timeline.folded(items)
    assert [bar.item for bar in bars] == items
    assert all(bar.left >= 0 and bar.left + bar.width <= timeline.WIDTH + 0.2 for bar in bars)
    assert all(later.left >= bar.left - 4 for bar, later in itertools.pairwise(bars))
