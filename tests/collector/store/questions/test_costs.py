"""Costs by any side and time, and calls without a price, against a model in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Call
from infraprism.collector.store.questions import costs, unpriced
from infraprism.collector.store.questions.filters import Filter
from infraprism.pricing import money
from tests.collector.store.questions.conftest import Kept
from tests.collector.store.questions.test_metrics import EDGES, KEYS
from tests.support import modelled

BY = {**KEYS, "operation": lambda call: {"operation": call.operation}}


def parts(call: Call) -> list[tuple[str | None, Call]]:
    """The call once for each of its parts, and for the rest of its amount."""
    found: list[tuple[str | None, Call]] = [
        (name, call._replace(amount=part)) for name, part in call.cost_parts.items()
    ]
    explained = money.total(call.cost_parts.values())
    if call.amount is None or (not call.amount and not call.cost_parts):
        found.append((None, call))
    elif rest := money.EXACT.subtract(call.amount, explained):
        found.append((costs.UNEXPLAINED, call._replace(amount=rest)))
    return found


def sort_key(row: dict[str, Any]) -> Any:
    return (row.get("bucket", 0), [(value is not None, value or "") for value in row["key"].values()])


@settings(max_examples=100, deadline=None)
@given(
    calls=modelled.calls(),
    wanted=modelled.filters(in_period=True),
    by=st.lists(st.sampled_from([*BY, "part"]), unique=True, max_size=3),
    is_cut=st.booleans(),
)
def test_costs(kept: Kept, calls: list[Call], wanted: Filter, by: list[str], is_cut: bool) -> None:
    with kept(calls) as connection:
        found = costs.grouped(connection, wanted, by, 1000, edges=EDGES if is_cut else ())

    its: dict[Any, list[Call]] = {}
    for call in modelled.in_period(calls, wanted):
        buckets = [n for n, (begin, end) in enumerate(pairwise(EDGES)) if begin <= call.started_at < end]
        for part, piece in parts(call) if "part" in by else [(None, call)]:
            key: dict[str, Any] = {}
            for one in by:
                key |= {"part": part} if one == "part" else BY[one](call)
            its.setdefault((buckets[0] if is_cut else None, tuple(key.items())), []).append(piece)
    expected = [
        {**modelled.numbers(one), "key": dict(key), **({} if bucket is None else {"bucket": bucket})}
        for (bucket, key), one in its.items()
    ]
    assert sorted(found, key=sort_key) == sorted(expected, key=sort_key)
    if is_cut:
        assert [row["bucket"] for row in found] == sorted(row["bucket"] for row in found)
    assert money.total(row["cost"] for row in found) == money.total(
        call.amount for call in modelled.in_period(calls, wanted) if call.amount is not None
    )


def reason(call: Call) -> str:
    if call.provider is None or modelled.model(call) is None:
        return "model_missing"
    if call.cost_status == "partial":
        return "price_of_part_missing"
    return "usage_missing" if call.input_tokens is call.output_tokens is None else "price_missing"


@settings(max_examples=50, deadline=None)
@given(calls=modelled.calls(), wanted=modelled.filters(in_period=True))
def test_unpriced(kept: Kept, calls: Sequence[Call], wanted: Filter) -> None:
    with kept(calls) as connection:
        found = unpriced.calls(connection, wanted, 100)

    its = modelled.grouped(
        (call for call in modelled.in_period(calls, wanted) if call.cost_status in ("unpriced", "partial")),
        lambda call: (call.provider, modelled.model(call), reason(call)),
    )
    expected = [
        {
            "provider": provider,
            "model": model,
            "reason": why,
            "call_count": len(one),
            "session_count": len(modelled.sessions(one)),
            "input_tokens": modelled.numbers(one)["input_tokens"],
            "output_tokens": modelled.numbers(one)["output_tokens"],
            "first_seen_at": modelled.first(one),
            "last_seen_at": max(call.started_at for call in one),
        }
        for (provider, model, why), one in its.items()
    ]
    expected.sort(key=lambda row: (row["provider"] or "", row["model"] or "", row["reason"]))
    assert found == sorted(expected, key=lambda row: row["call_count"], reverse=True)


def test_usage_beside_tokens_is_usage(kept: Kept) -> None:
    call = modelled.a_call()._replace(
        cost_status="unpriced", provider="openai", response_model="image-1", usage={"requests": Decimal(1)}
    )
    with kept([call]) as connection:
        (row,) = unpriced.calls(connection, Filter(since=0, until=call.started_at + 1), 10)

    assert row["reason"] == "price_missing"
