"""The list of sessions against a model in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Call
from infraprism.collector.store.questions import sessions
from infraprism.collector.store.questions.filters import Filter
from infraprism.collector.store.questions.sessions import Key
from tests.collector.store.questions.conftest import Kept
from tests.support import modelled

SORTS = {
    "last_activity_at": modelled.last,
    "started_at": modelled.first,
    "duration": lambda calls: modelled.last(calls) - modelled.first(calls),
    "total_cost": lambda calls: modelled.numbers(calls)["cost"],
    "turn_count": lambda calls: modelled.numbers(calls)["turn_count"],
    "call_count": lambda calls: modelled.numbers(calls)["call_count"],
}


def expected(calls: Sequence[Call], wanted: Filter, sort: str, order: str) -> list[Key]:
    found = [
        Key(*key, modelled.first(its), modelled.last(its), SORTS[sort](its))
        for key, its in modelled.whole(calls, wanted).items()
    ]
    by_key = sorted(found, key=lambda one: (one.entity_type, one.entity_id, one.session_id))
    return sorted(by_key, key=lambda one: one.value, reverse=order == "desc")


def test_every_sort_is_modelled() -> None:
    assert set(SORTS) == set(get_args(sessions.Sort))


@settings(max_examples=60, deadline=None)
@given(
    calls=modelled.calls(),
    wanted=modelled.filters(in_period=False),
    sort=st.sampled_from(sorted(SORTS)),
    order=st.sampled_from(["desc", "asc"]),
    limit=st.integers(1, 4),
)
def test_pages_are_the_list_in_pieces(
    kept: Kept, calls: list[Call], wanted: Filter, sort: Any, order: Any, limit: int
) -> None:
    collected: list[Key] = []
    with kept(calls) as connection:
        while True:
            after = collected[-1].position if collected else None
            page = sessions.page(connection, wanted, limit, sort=sort, order=order, after=after)
            collected += page
            if len(page) < limit:
                break

    assert collected == expected(calls, wanted, sort, order)


@settings(max_examples=40, deadline=None)
@given(calls=modelled.calls())
def test_details_are_the_sums_of_the_calls(kept: Kept, calls: list[Call]) -> None:
    with kept(calls) as connection:
        rows = sessions.details(connection, sessions.page(connection, Filter(), 100))

    found = {}
    for row in rows:
        found[tuple(row.pop(name) or "" for name in ("session_id", "entity_type", "entity_id"))] = row
        row["models"] = {model for model in row["models"] or () if model is not None}
        row["tags"] = {tuple(tags.items()) for tags in row["tags"] or ()}
    assert found == {
        key: {
            "started_at": modelled.first(its),
            "last_activity_at": modelled.last(its),
            **modelled.numbers(its),
            "models": {model for call in its if (model := modelled.model(call)) is not None},
            "tags": {tuple(call.tags.items()) for call in its},
        }
        for key, its in modelled.sessions(calls).items()
    }


@pytest.mark.parametrize("order", ["desc", "asc"])
@settings(max_examples=15, deadline=None)
@given(calls=modelled.calls(), arriving=modelled.calls(4), sort=st.sampled_from(sorted(SORTS)))
def test_what_arrives_between_pages_moves_nothing_that_stays_as_it_is(
    kept: Kept, calls: list[Call], arriving: list[Call], sort: Any, order: Any
) -> None:
    # Their span ids are taken: only their sessions' ids tell them from those before.
    arriving = [call._replace(span_id=f"f{call.span_id[1:]}") for call in arriving]
    with kept(calls) as connection:
        first = sessions.page(connection, Filter(), 2, sort=sort, order=order)
    after = first[-1].position if first else None
    with kept([*calls, *arriving]) as connection:
        rest = sessions.page(connection, Filter(), 100, sort=sort, order=order, after=after)

    touched = {modelled.key(call) for call in arriving}
    before = expected(calls, Filter(), sort, order)
    seen = [key for key in [*first, *rest] if key[:3] not in touched]
    assert seen == [key for key in before if key[:3] not in touched]
