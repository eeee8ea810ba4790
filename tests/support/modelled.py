"""Sessions in plain Python: what every question to the store must answer, found the slow way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Call
from infraprism.collector.store.questions.filters import Filter
from infraprism.pricing import money
from tests.support.otlp import NEW_YEAR, SECOND

TURNS = {"chat", "text_completion", "generate_content", "retrieve_response"}
Key = tuple[str, str, str]

_TIMES = st.integers(0, 12).map(lambda hours: NEW_YEAR + hours * 3600 * SECOND)
LEAST = Decimal("1e-24")
MOST = Decimal("99999999999999.999999999999999999999999")
_AMOUNTS = st.one_of(
    st.sampled_from([Decimal(0), Decimal("0.1"), LEAST, MOST]),
    st.decimals(0, 100, places=24, allow_nan=False),
)
_TOKENS = st.one_of(st.none(), st.integers(0, 5), st.just(2**63 - 1))


@st.composite
def calls(draw: st.DrawFn, most: int = 14) -> list[Call]:
    """Calls of few sessions, entities, models and times: many are alike, and many at the same time."""
    return [_call(draw, number) for number in range(1, draw(st.integers(0, most)) + 1)]


def a_call() -> Call:
    """A call of nobody, in a session, that says nothing of itself."""
    values: dict[str, Any] = {**dict.fromkeys(Call._fields), **Call._field_defaults}
    values |= {"trace_id": f"{1:032x}", "span_id": f"{1:016x}", "name": "chat", "session_id": "s"}
    values |= {
        "started_at": NEW_YEAR,
        "ended_at": NEW_YEAR + SECOND,
        "attributes": "{}",
        "usage_unpriced": [],
    }
    values |= {name: {} for name in ("tags", "cost_parts", "cost_quantities", "usage")}
    return Call(**{**values, "is_error": False, "is_batch": False})


def _call(draw: st.DrawFn, number: int) -> Call:
    started_at = draw(_TIMES)
    status = draw(st.sampled_from([None, "priced", "priced", "estimated", "partial", "unpriced", "free"]))
    amount = {None: None, "unpriced": None, "free": Decimal(0)}.get(status, ...)
    if amount is ...:
        amount = draw(_AMOUNTS)
    session_id = draw(st.sampled_from([None, "s", "s-1", "t"]))
    # One without a session would get that of its trace: it is alone in its own.
    trace = number + 1000 if session_id is None else draw(st.integers(1, 3))
    return a_call()._replace(
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        parent_span_id=draw(st.one_of(st.none(), st.integers(1, 9).map(lambda n: f"{n:016x}"))),
        started_at=started_at,
        ended_at=started_at + draw(st.sampled_from([0, SECOND, 90 * SECOND, 7200 * SECOND])),
        session_id=session_id,
        entity_type=draw(st.sampled_from([None, "customer", "team"])),
        entity_id=draw(st.sampled_from([None, "acme", "globex"])),
        tags=draw(st.sampled_from([{}, {"plan": "pro"}, {"plan": "free", "x": ""}])),
        provider=draw(st.sampled_from([None, "openai", "mistral"])),
        operation=draw(st.sampled_from([None, "chat", "embeddings"])),
        request_model=draw(st.sampled_from([None, "m", "n"])),
        response_model=draw(st.sampled_from([None, "m", "m-1"])),
        service_tier=draw(st.sampled_from([None, "flex"])),
        input_tokens=draw(_TOKENS),
        output_tokens=draw(_TOKENS),
        cache_read_tokens=draw(_TOKENS),
        amount=amount,
        currency=None if amount is None else "USD",
        cost_status=status,
        cost_parts=draw(st.sampled_from([{}, {"input": amount}, {"input": LEAST}])) if amount else {},
        is_error=draw(st.booleans()),
    )


def filters(*, in_period: bool) -> st.SearchStrategy[Filter]:
    """What may be asked for; with both ends of a period, where the question has one."""
    times = st.integers(0, 14).map(lambda hours: NEW_YEAR + hours * 3600 * SECOND)
    maybe = (lambda strategy: strategy) if in_period else (lambda strategy: st.none() | strategy)
    seldom = lambda *values: st.sampled_from([None, None, None, *values])  # noqa: E731
    made = st.builds(
        Filter,
        session_id=seldom("s", "s-1"),
        entity_type=seldom("", "customer"),
        entity_id=seldom("", "acme"),
        since=maybe(times),
        until=maybe(times),
        model=seldom("m", "m-1"),
        provider=seldom("openai"),
        tags=st.sampled_from([(), (), (), (("plan", "pro"),), (("x", ""),)]),
        min_cost=seldom(Decimal("0.1"), Decimal(0)),
        max_cost=seldom(Decimal("0.1"), Decimal(10**14 - 1)),
        status=seldom("priced", "estimated", "partial", "unpriced", "free"),
        has_errors=seldom(True, False),
        unpriced=seldom(True, False),
    )
    return made.filter(lambda one: one.since < one.until) if in_period else made


def model(call: Call) -> str | None:
    return call.response_model if call.response_model is not None else call.request_model


def key(call: Call) -> Key:
    """Whose session it is: id, entity type, entity id."""
    return (call.session_id or "", call.entity_type or "", call.entity_id or "")


def has_keys(call: Call, wanted: Filter) -> bool:
    prefix = wanted.session_id
    return (
        (prefix is None or (call.session_id is not None and call.session_id.startswith(prefix)))
        and wanted.entity_type in (None, call.entity_type or "")
        and wanted.entity_id in (None, call.entity_id or "")
    )


def is_such(call: Call, wanted: Filter) -> bool:
    return (
        wanted.model in (None, call.request_model, call.response_model)
        and wanted.provider in (None, call.provider)
        and all(call.tags.get(name) == value for name, value in wanted.tags)
    )


def in_period(calls: Iterable[Call], wanted: Filter) -> list[Call]:
    """The calls that a question about a period is about, in a session or not."""
    assert wanted.since is not None
    assert wanted.until is not None
    return [
        call
        for call in calls
        if has_keys(call, wanted) and is_such(call, wanted) and wanted.since <= call.started_at < wanted.until
    ]


def grouped(calls: Iterable[Call], by: Callable[[Call], Any]) -> dict[Any, list[Call]]:
    found: dict[Any, list[Call]] = {}
    for call in calls:
        found.setdefault(by(call), []).append(call)
    return found


def sessions(calls: Iterable[Call]) -> dict[Key, list[Call]]:
    return grouped((call for call in calls if call.session_id is not None), key)


def whole(calls: Iterable[Call], wanted: Filter) -> dict[Key, list[Call]]:
    """The sessions that the list has for a filter, each with all of its calls."""
    found = sessions(call for call in calls if has_keys(call, wanted))
    return {
        one: its
        for one, its in found.items()
        if any(is_such(call, wanted) for call in its)
        and (wanted.since is None or last(its) >= wanted.since)
        and (wanted.until is None or last(its) < wanted.until)
        and has_sums(its, wanted)
    }


def has_sums(calls: Sequence[Call], wanted: Filter) -> bool:
    """Whether a session of these calls is asked for."""
    found = numbers(calls)
    return (
        (wanted.min_cost is None or found["cost"] >= wanted.min_cost)
        and (wanted.max_cost is None or found["cost"] <= wanted.max_cost)
        and wanted.status in (None, status(calls))
        and wanted.has_errors in (None, found["error_count"] > 0)
        and wanted.unpriced in (None, found["unpriced_calls"] > 0)
    )


def first(calls: Iterable[Call]) -> int:
    return min(call.started_at for call in calls)


def last(calls: Iterable[Call]) -> int:
    return max(call.ended_at for call in calls)


def numbers(calls: Sequence[Call]) -> dict[str, Any]:
    """Counts and sums, by the names that the store has for them."""

    def of(status: str) -> int:
        return sum(call.cost_status == status for call in calls)

    return {
        "cost": money.total(call.amount for call in calls if call.amount is not None),
        "call_count": len(calls),
        "turn_count": sum(call.operation in TURNS and not call.is_error for call in calls),
        "error_count": sum(call.is_error for call in calls),
        "with_status": sum(call.cost_status is not None for call in calls),
        "pending_calls": sum(call.cost_status is None and not call.is_error for call in calls),
        **{f"{name}_calls": of(name) for name in ("unpriced", "partial", "estimated", "free")},
        "input_tokens": sum(call.input_tokens or 0 for call in calls),
        "output_tokens": sum(call.output_tokens or 0 for call in calls),
        "cached_tokens": sum(call.cache_read_tokens or 0 for call in calls),
    }


def status(calls: Sequence[Call]) -> str:
    """The cost status of a session, as docs/api.md has it."""
    found = {call.cost_status for call in calls} - {None}
    pending = any(call.cost_status is None and not call.is_error for call in calls)
    if found == {"unpriced"} or (not found and pending):
        return "unpriced"
    for worst in ({"unpriced", "partial"}, {"estimated"}):
        if found & worst:
            return "partial" if "partial" in worst else "estimated"
    return "free" if found <= {"free"} else "priced"


def percentile(values: Iterable[Any], percent: int) -> Any:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
