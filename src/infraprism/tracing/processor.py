"""The span processor: session, entity and tags on every span of a session, running totals on every call."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

from infraprism import guard, semconv
from infraprism.pricing import money
from infraprism.sessions import attributes, identity_in
from infraprism.tracing.ledger import Ledger, process_ledger


class SessionCostProcessor(SpanProcessor):
    """Carries the session onto every span started in it and keeps the session's running cost.

    Add it to a tracer provider in any order with other processors; the instrumentation adds it by itself.
    Totals are on the span before any exporter sees it.

    Args:
        ledger: where totals are kept; by default the one of this process.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = process_ledger if ledger is None else ledger

    @guard.guarded("telemetry_error")
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Put the session of the context that the span is started in onto the span."""
        if _is_own(span):
            return  # our own calls carry it from the start, for samplers to see
        missing = {
            key: value
            for key, value in attributes(identity_in(parent_context)).items()
            if not span.attributes or key not in span.attributes
        }
        if missing:
            span.set_attributes(missing)

    @guard.guarded("telemetry_error")
    def _on_ending(self, span: Span) -> None:
        """Add a call that another instrumentation recorded to its session's totals, and stamp them.

        Every processor's `_on_ending` comes before the first one's `on_end`: no exporter is earlier.
        """
        if _is_own(span):
            return  # the call has added itself, sampled or not
        known = span.attributes or {}
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
        _stamp(span, {semconv.SESSION_COST: money.text(totals.cost), semconv.SESSION_TURNS: totals.turns})

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing is left to do: here it would race the exporters."""

    def shutdown(self) -> None:
        """Nothing is held open."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is queued."""
        return True


def _is_own(span: Span) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == semconv.SCOPE


def _stamp(span: Span, totals: dict[str, str | int]) -> None:
    # Ending freezes the attributes before `_on_ending` is called, so that `set_attribute` no longer reaches
    # the exporters (opentelemetry-python#5614); this thread still owns the span, so it may thaw them.
    bag = getattr(span, "_attributes", None)
    if bag is None or not getattr(bag, "_immutable", False):
        span.set_attributes(totals)
        return
    bag._immutable = False
    try:
        for key, value in totals.items():
            bag[key] = value
    finally:
        bag._immutable = True


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
