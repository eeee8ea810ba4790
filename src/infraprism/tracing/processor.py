"""The span processor: session, entity and tags on every span of a session, running totals on every call."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

from infraprism import guard, semconv
from infraprism.pricing import money
from infraprism.sessions import NOBODY, attributes, identity_in
from infraprism.tracing import foreign
from infraprism.tracing.bag import read, write, write_late
from infraprism.tracing.foreign import is_own
from infraprism.tracing.ledger import Ledger, process_ledger


class SessionCostProcessor(SpanProcessor):
    """Carries the session onto every span started in it and keeps the session's running cost.

    Add it to a tracer provider in any order with other processors; the instrumentation adds it by itself.
    Totals are on the span before any exporter sees it.

    The SDK's `ConcurrentMultiSpanProcessor` calls it in a thread of its own, where the current context is not
    to be seen: there only calls of ours, and spans started with an explicit context, get their session.

    Args:
        ledger: where totals are kept; by default the one of this process.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = process_ledger if ledger is None else ledger

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Put the session of the context that the span is started in onto the span."""
        if not is_own(span):  # our own calls carry it from the start, for samplers to see
            self._mark(span, parent_context)
            foreign.started(span, parent_context)
        else:
            foreign.own_started(span, parent_context)

    @guard.guarded("telemetry_error")
    def _mark(self, span: Span, parent_context: Context | None) -> None:
        identity = identity_in(parent_context)
        if identity is NOBODY:
            return
        given = attributes(identity)
        known = span.attributes or {}
        for said, meant in _WHOLES:
            if any(name in known for name in said):
                given = {name: value for name, value in given.items() if name not in meant}
        write(span, {name: value for name, value in given.items() if name not in known})

    def _on_ending(self, span: Span) -> None:
        """Add a call that another instrumentation recorded to its session's totals, and stamp them.

        Where it is one of ours, seen by them too, it is marked instead.
        Every processor's `_on_ending` comes before the first one's `on_end`: no exporter is earlier.
        """
        self._ending(span)

    def _ending(self, span: ReadableSpan) -> None:
        if is_own(span):  # our own have added themselves, sampled or not
            foreign.own_ending(span)
        elif not foreign.ending(span):
            self._account(span)

    @guard.guarded("telemetry_error")
    def _account(self, span: ReadableSpan) -> None:
        known = read(span)
        session_id = known.get(semconv.SESSION_ID)
        if (
            not isinstance(session_id, str)
            or semconv.COST_STATUS not in known
            or semconv.SESSION_COST in known  # counted already, by another processor of ours
        ):
            return
        totals = self._ledger.add(
            (_text(known.get(semconv.ENTITY_TYPE)), _text(known.get(semconv.ENTITY_ID)), session_id),
            _amount(known.get(semconv.COST_AMOUNT)),
            turn=known.get(semconv.OPERATION_NAME) in semconv.TURN_OPERATIONS
            and span.status.status_code is not StatusCode.ERROR,
        )
        write_late(span, {semconv.SESSION_COST: money.text(totals.cost), semconv.SESSION_TURNS: totals.turns})

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing is left to do: here it would race the exporters.

        But before SDK 1.40 nothing comes earlier: there, only processors after this one see what it wrote.
        """
        if not ENDING_IS_TOLD:
            self._ending(span)

    def shutdown(self) -> None:
        """Nothing is held open."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is queued."""
        return True


#: Whether processors are told of a span before the first exporter sees it: since SDK 1.40.
ENDING_IS_TOLD = hasattr(SpanProcessor, "_on_ending")

#: A span that says the one speaks of the other: its own session or entity is not mixed with the context's.
_WHOLES = (
    ((semconv.SESSION_ID,), (semconv.SESSION_ID, semconv.CONVERSATION_ID)),
    ((semconv.ENTITY_TYPE, semconv.ENTITY_ID), (semconv.ENTITY_TYPE, semconv.ENTITY_ID, semconv.USER_ID)),
)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _amount(value: object) -> Decimal:
    if not isinstance(value, str):
        return money.ZERO
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return money.ZERO
    return amount if amount.is_finite() and amount >= 0 else money.ZERO
