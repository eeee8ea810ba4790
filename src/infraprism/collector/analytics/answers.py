"""Rows of the store in, objects of the Analytics API out. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

import msgspec

from infraprism.collector import wire
from infraprism.pricing import CURRENCY

_ROUNDING: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
_PLACES: Final = Decimal("1e-24")
_HUNDREDTH: Final = Decimal("0.01")


def session(row: dict[str, Any]) -> dict[str, Any]:
    """One session of the list."""
    return {
        "session_id": row["session_id"],
        "entity_type": row["entity_type"],
        "entity_id": row["entity_id"],
        "started_at": wire.time(row["started_at"]),
        "last_activity_at": wire.time(row["last_activity_at"]),
        "duration_ms": milliseconds(row["started_at"], row["last_activity_at"]),
        "turn_count": row["turn_count"],
        "call_count": row["call_count"],
        "error_count": row["error_count"],
        **cost(row),
        **tokens(row),
        "models": sorted(model for model in row["models"] or () if model is not None),
        "tags": merged(row["tags"] or ()),
    }


def call(row: dict[str, Any]) -> dict[str, Any]:
    """One call of a session."""
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "started_at": wire.time(row["started_at"]),
        "ended_at": wire.time(row["ended_at"]),
        "duration_ms": milliseconds(row["started_at"], row["ended_at"]),
        "operation": row["operation"],
        "provider": row["provider"],
        "request_model": row["request_model"],
        "response_model": row["response_model"],
        "service_tier": row["service_tier"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cached_tokens": row["cache_read_tokens"],
        "reasoning_tokens": row["reasoning_tokens"],
        "cost": number(row["amount"]),
        "currency": row["currency"],
        "cost_status": row["cost_status"],
        "cost_source": row["cost_source"],
        "price_version": row["price_version"],
        "cost_parts": {name: wire.number(part) for name, part in sorted(row["cost_parts"].items())},
        "is_error": row["is_error"],
        "error_type": row["error_type"],
        "tags": dict(sorted(row["tags"].items())),
    }


def spender(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """One entity, model or tag; `keys` name the fields that tell it from others."""
    return {
        **{name: row[name] for name in keys},
        "session_count": row["session_count"],
        **counts(row),
        **cost(row),
        **tokens(row),
        "first_seen_at": wire.time(row["first_seen_at"]),
        "last_activity_at": wire.time(row["last_activity_at"]),
    }


def counts(row: dict[str, Any]) -> dict[str, Any]:
    """How many calls, turns and errors."""
    return {name: row[name] for name in ("call_count", "turn_count", "error_count")}


def tokens(row: dict[str, Any]) -> dict[str, Any]:
    """The sums of tokens."""
    return {name: row[name] for name in ("input_tokens", "output_tokens", "cached_tokens")}


def cost(row: dict[str, Any]) -> dict[str, Any]:
    """The cost fields of any set of calls."""
    return {
        "total_cost": number(row["cost"]),
        "currency": CURRENCY,
        "cost_status": cost_status(row),
        "unpriced_calls": row["unpriced_calls"],
    }


def cost_status(row: dict[str, Any]) -> str:
    """How far the total of some calls can be trusted; the worst of them decides.

    `store.questions.numbers.STATUS` says the same as SQL.
    """
    if row["with_status"] and row["unpriced_calls"] == row["with_status"]:
        return "unpriced"
    if row["pending_calls"] and not row["with_status"]:
        return "unpriced"  # nothing is known of what is still to come
    if row["unpriced_calls"] or row["partial_calls"]:
        return "partial"
    if row["estimated_calls"]:
        return "estimated"
    # A session of refused requests only cost nothing.
    return "free" if row["free_calls"] == row["with_status"] else "priced"


def merged(tags: list[dict[str, str]] | tuple[()]) -> dict[str, list[str]]:
    """The tags of several calls as one object: key to the sorted distinct values."""
    values: dict[str, set[str]] = {}
    for one in tags:
        for key, value in one.items():
            values.setdefault(key, set()).add(value)
    return {key: sorted(values[key]) for key in sorted(values)}


def milliseconds(start: int, end: int) -> int:
    """The time between two Unix nanoseconds."""
    return (end - start) // 1_000_000


def number(amount: Decimal | None) -> msgspec.Raw | None:
    """A number with exactly its digits, or null."""
    return None if amount is None else wire.number(amount)


def quotient(amount: Decimal | int, by: int) -> Decimal | None:
    """`amount` divided, rounded half to even to 24 places; None by 0."""
    if not by:
        return None
    return _ROUNDING.divide(Decimal(amount), Decimal(by)).quantize(_PLACES, context=_ROUNDING)


def change(now: Decimal | int | None, before: Decimal | int | None) -> Decimal | None:
    """By how many percent `now` is more than `before`, to two places; None where nothing was before."""
    if now is None or not before:
        return None
    more = _ROUNDING.divide(
        _ROUNDING.multiply(_ROUNDING.subtract(Decimal(now), Decimal(before)), 100), before
    )
    return more.quantize(_HUNDREDTH, context=_ROUNDING)
