"""Rows of the store in, objects of the Analytics API out. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from infraprism.collector import wire
from infraprism.collector.store.queries import Position
from infraprism.pricing import CURRENCY, money


def session(row: dict[str, Any]) -> dict[str, Any]:
    """One session of the list."""
    return {
        "session_id": row["session_id"],
        "entity_type": row["entity_type"],
        "entity_id": row["entity_id"],
        "started_at": wire.time(row["started_at"]),
        "last_activity_at": wire.time(row["last_activity_at"]),
        "duration_ms": _milliseconds(row["started_at"], row["last_activity_at"]),
        "turn_count": row["turn_count"],
        "call_count": row["call_count"],
        "error_count": row["error_count"],
        "total_cost": wire.number(total(row["cost_units"], row["cost_fraction"])),
        "currency": CURRENCY,
        "cost_status": cost_status(row),
        "unpriced_calls": row["unpriced_calls"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cached_tokens": row["cached_tokens"],
        "models": sorted(model for model in row["models"] or () if model is not None),
        "tags": merged(row["tags"] or ()),
    }


def position(row: dict[str, Any]) -> Position:
    """Where the session of `row` stands in the list."""
    return Position(
        row["last_activity_at"], row["entity_type"] or "", row["entity_id"] or "", row["session_id"]
    )


def call(row: dict[str, Any]) -> dict[str, Any]:
    """One call of a session."""
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "started_at": wire.time(row["started_at"]),
        "ended_at": wire.time(row["ended_at"]),
        "duration_ms": _milliseconds(row["started_at"], row["ended_at"]),
        "operation": row["operation"],
        "provider": row["provider"],
        "request_model": row["request_model"],
        "response_model": row["response_model"],
        "service_tier": row["service_tier"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cached_tokens": row["cache_read_tokens"],
        "reasoning_tokens": row["reasoning_tokens"],
        "cost": None if row["amount"] is None else wire.number(row["amount"]),
        "currency": row["currency"],
        "cost_status": row["cost_status"],
        "cost_source": row["cost_source"],
        "price_version": row["price_version"],
        "cost_parts": {name: wire.number(part) for name, part in sorted(row["cost_parts"].items())},
        "is_error": row["is_error"],
        "error_type": row["error_type"],
        "tags": dict(sorted(row["tags"].items())),
    }


def total(units: int, fraction: Decimal) -> Decimal:
    """The exact sum of whole units and fractions."""
    return money.EXACT.add(Decimal(units), fraction)


def cost_status(row: dict[str, Any]) -> str:
    """How far the total of a session can be trusted; the worst of its calls decides."""
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


def _milliseconds(start: int, end: int) -> int:
    return (end - start) // 1_000_000
