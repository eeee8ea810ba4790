"""Entities, models and tags, against a model in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Call
from infraprism.collector.store.questions import spenders
from infraprism.collector.store.questions.filters import Filter
from tests.collector.store.questions.conftest import Kept
from tests.support import modelled

KEYS = {
    "entities": lambda call: [(call.entity_type, call.entity_id)],
    "models": lambda call: [(call.provider, modelled.model(call))],
    "tags": lambda call: list(call.tags.items()),
}


def expected(kind: str, calls: Sequence[Call], wanted: Filter, sort: str, order: str) -> list[dict[str, Any]]:
    its: dict[Any, list[Call]] = {}
    for call in modelled.in_period(calls, wanted):
        for key in KEYS[kind](call):
            its.setdefault(tuple(part or None for part in key), []).append(call)
    first, second = spenders.KEYS[kind]  # type: ignore[index]
    rows = [
        {
            first: key[0],
            second: key[1],
            "session_count": len(modelled.sessions(one)),
            "first_seen_at": modelled.first(one),
            "last_activity_at": modelled.last(one),
            **modelled.numbers(one),
        }
        for key, one in its.items()
    ]
    rows.sort(key=lambda row: (row[first] or "", row[second] or ""))
    by = {"total_cost": "cost"}.get(sort, sort)
    return sorted(rows, key=lambda row: row[by], reverse=order == "desc")


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(sorted(KEYS)),
    calls=modelled.calls(),
    wanted=modelled.filters(in_period=True),
    sort=st.sampled_from(get_args(spenders.Sort)),
    order=st.sampled_from(["desc", "asc"]),
    limit=st.integers(1, 4),
)
def test_pages_are_the_list_in_pieces(
    kept: Kept, kind: Any, calls: list[Call], wanted: Filter, sort: Any, order: Any, limit: int
) -> None:
    collected: list[dict[str, Any]] = []
    with kept(calls) as connection:
        while True:
            after = spenders.place(kind, collected[-1], sort) if collected else None
            page = spenders.page(connection, kind, wanted, limit, sort=sort, order=order, after=after)
            collected += page
            if len(page) < limit:
                break

    assert collected == expected(kind, calls, wanted, sort, order)
