"""Calls that are recorded after they happened: their response was fetched, or read from a downloaded file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode

from infraprism import guard, semconv, sessions
from infraprism.openai import attributes
from infraprism.openai.metrics import Measured, Metrics
from infraprism.openai.providers import Server
from infraprism.openai.response import Reply
from infraprism.openai.target import Target
from infraprism.pricing import Cost, Usage, money

if TYPE_CHECKING:
    from infraprism.tracing import Connection

#: Unix times beyond this (the year 2100) are no times.
_MOST_SECONDS = 4_102_444_800


class Place(NamedTuple):
    """Where a response was asked for: all that recording a call of it takes.

    Attributes:
        context: of the caller, with the identity in it.
    """

    server: Server
    identity: sessions.Identity
    context: Context
    connection: Connection
    metrics: Metrics


class Times(NamedTuple):
    """When a call began and ended, aware.

    Attributes:
        measured: somebody waited that long: the duration is a measurement.
    """

    began: datetime
    ended: datetime
    measured: bool


def time_of(seconds: Any) -> datetime | None:
    """The time that a response spells in Unix seconds; None where it is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < _MOST_SECONDS:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def record(
    place: Place,
    target: Target,
    reply: Reply,
    usage: Usage | None,
    cost: Cost | None,
    times: Times,
    beside: Mapping[str, str] | None = None,
) -> None:
    """Record one call as `Call` would have, had it been there.

    Args:
        cost: None for a request that is not billed.
        beside: further attributes of the span.
    """
    identity, connection = place.identity, place.connection
    known: dict[str, Any] = {**target.attributes, **sessions.attributes(identity), **(beside or {})}
    enclosed = trace.get_current_span(place.context).get_span_context().is_valid
    sessions.starting.trace_id = None if enclosed else sessions.trace_id_of(identity)
    try:
        span = connection.tracer.start_span(
            target.name,
            context=place.context,
            kind=SpanKind.CLIENT,
            attributes=known,
            start_time=_nanoseconds(times.began),
            record_exception=False,
            set_status_on_exception=False,
        )
    finally:
        sessions.starting.trace_id = None
    try:
        found = attributes.read(reply, usage, cost)
        if reply.error_type is not None:
            found[semconv.ERROR_TYPE] = reply.error_type
            span.set_status(StatusCode.ERROR, reply.error_type)
        if cost is not None and identity.session_id is not None:
            totals = connection.ledger.add(
                (identity.entity_type, identity.entity_id, identity.session_id),
                money.ZERO if cost.amount is None else cost.amount,
                turn=reply.error_type is None and target.surface.operation in semconv.TURN_OPERATIONS,
            )
            found[semconv.SESSION_COST] = money.text(totals.cost)
            found[semconv.SESSION_TURNS] = totals.turns
        connection.write(span, found)
        for name in usage.invalid if usage is not None else ():
            guard.drop("invalid_usage", f"impossible {name}")
        duration = (times.ended - times.began).total_seconds() if times.measured else None
        place.metrics.measure(
            Measured(target, identity.entity_type, reply.model, reply.error_type, duration, None, usage, cost)
        )
    finally:
        span.end(_nanoseconds(times.ended))


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1000
