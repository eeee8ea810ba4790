"""Sessions in numbers, against a model in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Call
from infraprism.collector.store.questions import metrics
from infraprism.collector.store.questions.filters import Filter
from infraprism.collector.store.questions.metrics import Metrics
from infraprism.pricing import money
from tests.collector.store.questions.conftest import Kept
from tests.support import modelled
from tests.support.otlp import NEW_YEAR, SECOND

COST_EDGES = [Decimal(0), Decimal("0.1"), Decimal(10)]
TURN_EDGES = [0, 1, 3]
HOUR = 3600 * SECOND
#: Of different lengths, and some alike.
EDGES = [NEW_YEAR + hours * HOUR for hours in (0, 1, 2, 5, 6, 15)]
KEYS = {
    "entity_type": lambda call: {"entity_type": call.entity_type},
    "entity": lambda call: {"entity_type": call.entity_type, "entity_id": call.entity_id},
    "model": lambda call: {"provider": call.provider, "model": modelled.model(call)},
    "provider": lambda call: {"provider": call.provider},
    "tier": lambda call: {"tier": call.service_tier},
    "tag.plan": lambda call: {"tag.plan": call.tags.get("plan")},
}


def asked_for(calls: Sequence[Call], wanted: Filter) -> list[Call]:
    chosen = modelled.sessions(modelled.in_period(calls, wanted))
    return [call for its in chosen.values() if modelled.has_sums(its, wanted) for call in its]


def row(calls: Sequence[Call], key: dict[str, Any]) -> dict[str, Any]:
    its = modelled.sessions(calls).values()
    costs = [modelled.numbers(one)["cost"] for one in its]
    turns = [modelled.numbers(one)["turn_count"] for one in its]
    return {
        **modelled.numbers(calls),
        "key": key,
        "session_count": len(costs),
        "cost_median": modelled.percentile(costs, 50),
        "cost_p95": modelled.percentile(costs, 95),
        "turns_median": modelled.percentile(turns, 50),
        "turns_p95": modelled.percentile(turns, 95),
    }


def histogram(values: list[Any], edges: list[Any]) -> dict[Any, int]:
    found = {low: sum(low <= value < high for value in values) for low, high in pairwise([*edges, 10**30])}
    return {low: count for low, count in found.items() if count}


@settings(max_examples=80, deadline=None)
@given(
    calls=modelled.calls(),
    wanted=modelled.filters(in_period=True),
    group_by=st.sampled_from([None, *KEYS]),
    is_cut=st.booleans(),
)
def test_all_numbers(
    kept: Kept, calls: list[Call], wanted: Filter, group_by: str | None, is_cut: bool
) -> None:
    with kept(calls) as connection:
        found = metrics.sessions(
            connection,
            wanted,
            edges=EDGES if is_cut else (),
            group_by=group_by,
            cost_edges=COST_EDGES,
            turn_edges=TURN_EDGES,
        )

    its = asked_for(calls, wanted)
    whole = [modelled.numbers(one) for one in modelled.sessions(its).values()]
    nothing = {} if group_by is None else dict.fromkeys(KEYS[group_by](calls[0] if calls else _ANY))
    series, groups = {}, []
    if is_cut:
        for number, (begin, end) in enumerate(pairwise(EDGES)):
            if slice_ := [call for call in its if begin <= call.started_at < end]:
                series[number] = row(slice_, nothing)
    if group_by is not None:
        by_key = modelled.grouped(its, lambda call: tuple(KEYS[group_by](call).items()))
        groups = [row(slice_, dict(key)) for key, slice_ in by_key.items()]
        groups.sort(key=lambda one: [(value is not None, value or "") for value in one["key"].values()])
        groups.sort(key=lambda one: one["cost"], reverse=True)
    assert found == Metrics(
        row(its, nothing) if its else None,
        series,
        groups,
        histogram([one["cost"] for one in whole], COST_EDGES),
        histogram([one["turn_count"] for one in whole], TURN_EDGES),
    )


def test_the_largest_groups_are_kept(kept: Kept) -> None:
    call = modelled.a_call()
    calls = [
        call._replace(span_id=f"{number:016x}", entity_id=f"e{number:04}", amount=Decimal(number % 7))
        for number in range(metrics.GROUPS + 5)
    ]
    wanted = Filter(since=0, until=call.started_at + 1)
    with kept(calls) as connection:
        found = metrics.sessions(connection, wanted, group_by="entity")

    order = sorted(calls, key=lambda one: (-(one.amount or 0), one.entity_id))
    assert [group["key"]["entity_id"] for group in found.groups] == [
        one.entity_id for one in order[: metrics.GROUPS + 1]
    ]
    assert {group["session_count"] for group in found.groups} == {1}
    assert found.summary is not None
    assert found.summary["cost"] == money.total(one.amount for one in calls if one.amount is not None)


_ANY = modelled.a_call()
