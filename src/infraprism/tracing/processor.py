"""The span processor: session, entity and tags on every span of a session, running totals on every call."""

from __future__ import annotations

from functools import cache

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from infraprism import compat, dialects, guard, price_file, semconv, settings
from infraprism.sessions import NOBODY, Identity, attributes
from infraprism.tracing import foreign, places
from infraprism.tracing.account import account
from infraprism.tracing.bag import read, write, write_late
from infraprism.tracing.ledger import Ledger, process_ledger
from infraprism.tracing.places import Place


class SessionCostProcessor(SpanProcessor):
    """Carries the session onto every span started in it and keeps the session's running cost.

    Add it to a tracer provider in any order with other processors; the instrumentation adds it by itself.
    Totals are on the span before any exporter sees it.

    The SDK's `ConcurrentMultiSpanProcessor` calls it in a thread of its own, where the current context is not
    to be seen: there only calls of ours, and spans started with an explicit context, get their session.

    Args:
        ledger: where totals are kept; by default the one of this process.
        meter_provider: measures what the calls of other instrumentations cost; by default the global one.
    """

    def __init__(self, ledger: Ledger | None = None, meter_provider: MeterProvider | None = None) -> None:
        self._meter_provider = meter_provider
        self._ledger = process_ledger if ledger is None else ledger
        self._profiles = _profiles()
        price_file.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Put the session of the context that the span is started in onto the span."""
        try:  # as `guarded` does, without one more function around each span of the application
            context = get_current() if parent_context is None else parent_context
            place = places.begin(span, context)
            if place.own:
                foreign.own_started(span, context)
            elif place.identity is not NOBODY:
                _mark(span, place.identity)
        except Exception as error:  # noqa: BLE001
            guard.failed("telemetry_error", error)

    def _on_ending(self, span: Span) -> None:
        """Price a call that another instrumentation recorded, add it to its session's total, and stamp both.

        Where it is one of ours, seen by them too, it is marked instead.
        Every processor's `_on_ending` comes before the first one's `on_end`: no exporter is earlier.
        """
        self._ending(span)

    def _ending(self, span: ReadableSpan) -> None:
        try:
            known, place = read(span), places.place_of(span)
            if place is not None and not place.own and known.keys().isdisjoint(dialects.TELLING):
                place.ended = True
            else:
                self._call_ending(span, place)
            if self._profiles:
                self._add_extras(span)
        except Exception as error:  # noqa: BLE001
            guard.failed("telemetry_error", error)

    def _call_ending(self, span: ReadableSpan, place: Place | None) -> None:
        if places.is_own(span) if place is None else place.own:  # added itself, sampled or not
            foreign.own_ended(span)
        elif foreign.ending(span, place):
            operation = dialects.operation_of(read(span))
            if account(span, operation, self._ledger, self._meter_provider):
                foreign.carries(span)

    @guard.guarded("telemetry_error")
    def _add_extras(self, span: ReadableSpan) -> None:
        further = compat.extras(self._profiles, read(span), is_root=span.parent is None)
        if further:
            write_late(span, further)

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


def _mark(span: Span, identity: Identity) -> None:
    given, known = identity.prepared or attributes(identity), read(span)
    if known and not (
        known.keys().isdisjoint(_SAID) and (not identity.tags or known.keys().isdisjoint(given))
    ):
        for said, meant in _WHOLES:
            if any(name in known for name in said):
                given = {name: value for name, value in given.items() if name not in meant}
        given = {name: value for name, value in given.items() if name not in known}
    write(span, given)


#: Whether processors are told of a span before the first exporter sees it: since SDK 1.40.
ENDING_IS_TOLD = hasattr(SpanProcessor, "_on_ending")

#: A span that says the one speaks of the other: its own session or entity is not mixed with the context's.
_WHOLES = (
    ((semconv.SESSION_ID,), (semconv.SESSION_ID, semconv.CONVERSATION_ID)),
    ((semconv.ENTITY_TYPE, semconv.ENTITY_ID), (semconv.ENTITY_TYPE, semconv.ENTITY_ID, semconv.USER_ID)),
)
_SAID = frozenset(name for _, meant in _WHOLES for name in meant)


@cache
def _profiles() -> tuple[str, ...]:
    """The backends that the environment names; one warning for each that is not known."""
    named = settings.current().compat
    for name in named:
        if name not in compat.PROFILES:
            guard.logger.warning(
                "infraprism: %s: %r is none of %s; it is left out",
                semconv.SETTING_COMPAT,
                name,
                ", ".join(compat.PROFILES),
            )
    return tuple(name for name in named if name in compat.PROFILES)
