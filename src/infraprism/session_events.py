"""Tells of the sessions of `Session` objects: events when one begins and ends, metrics of what it cost."""

from __future__ import annotations

import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from infraprism import __version__, semconv, sessions
from infraprism.sessions import Identity

if TYPE_CHECKING:
    from decimal import Decimal

    from opentelemetry.metrics import Histogram

_USD = (0.000001, 0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0)
_TURNS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)


def _started(identity: Identity, previous_id: str | None) -> None:
    previous = {} if previous_id is None else {semconv.SESSION_PREVIOUS_ID: previous_id}
    _emit(semconv.EVENT_SESSION_START, identity, previous, otel_context.get_current())


def _ended(identity: Identity) -> None:
    cost, turns = _totals(identity)
    found: dict[str, Any] = {}
    dimensions = {} if identity.entity_type is None else {semconv.ENTITY_TYPE: identity.entity_type}
    costs, lengths = _histograms()
    if cost is not None:
        from infraprism.pricing import money

        found[semconv.SESSION_COST] = money.text(cost)
        costs.record(float(cost), dimensions)
    if turns is not None:
        found[semconv.SESSION_TURNS] = turns
        lengths.record(turns, dimensions)
    # It may be noticed in the midst of something else: in no span.
    _emit(semconv.EVENT_SESSION_END, identity, found, Context())


def _totals(identity: Identity) -> tuple[Decimal | None, int | None]:
    """Cost (USD) and turns of a session, as far as this process has seen them; None where they are not known.

    A cost of 0 is none: it may be that of calls without a known price.
    """
    if "infraprism.tracing.ledger" not in sys.modules:
        return None, None  # no call was recorded, and the SDK may not be there
    from infraprism.tracing.ledger import process_ledger

    if identity.session_id is None:
        return None, None
    totals = process_ledger[identity.entity_type, identity.entity_id, identity.session_id]
    if totals.floor or not (totals.cost or totals.turns):
        return None, None
    return totals.cost or None, totals.turns


def _emit(name: str, identity: Identity, attributes: dict[str, Any], context: Context) -> None:
    from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

    record = LogRecord(
        timestamp=time.time_ns(),
        context=sessions.with_identity(identity, context),
        severity_number=SeverityNumber.INFO,
        attributes={**sessions.attributes(identity), **attributes},
        event_name=name,
    )
    get_logger(semconv.SESSIONS_SCOPE, __version__).emit(record)


@cache
def _histograms() -> tuple[Histogram, Histogram]:
    from opentelemetry.metrics import get_meter

    meter = get_meter(semconv.SESSIONS_SCOPE, __version__, schema_url=semconv.SCHEMA_URL)
    return (
        meter.create_histogram(
            semconv.SESSION_COST,
            unit="USD",
            description="Known cost of a session that has ended.",
            explicit_bucket_boundaries_advisory=_USD,
        ),
        meter.create_histogram(
            semconv.SESSION_TURNS,
            unit="{turn}",
            description="Turns of a session that has ended.",
            explicit_bucket_boundaries_advisory=_TURNS,
        ),
    )


sessions.on_started(_started)
sessions.on_ended(_ended)
