"""Calls that are recorded after they happened: their response was fetched, or read from a downloaded file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context

from infraprism import sessions
from infraprism.openai import budget, spans
from infraprism.openai.metrics import Metrics
from infraprism.openai.providers import Server
from infraprism.openai.response import Reply
from infraprism.openai.target import Target
from infraprism.pricing import Cost, Usage

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
    beside: Mapping[str, str | bool] | None = None,
) -> None:
    """Record one call as `Call` would have, had it been there.

    Args:
        cost: None for a request that is not billed.
        beside: further attributes of the span.
    """
    known: dict[str, Any] = {
        **target.attributes,
        **sessions.attributes(place.identity),
        **(beside or {}),
    }
    span = spans.start(
        place.connection, target, place.identity, place.context, known, _nanoseconds(times.began)
    )
    if sessions.keeper.budgets:
        budget.settle(None, place.identity, cost)
    duration = (times.ended - times.began).total_seconds() if times.measured else None
    outcome = spans.Outcome(reply, usage, cost, reply.error_type, duration)
    spans.finish(
        span,
        target,
        place.identity,
        place.connection,
        place.metrics,
        outcome,
        _nanoseconds(times.ended),
    )


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1000
