"""The one door through which the instrumentation reaches the SDK: a tracer provider made ready for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import ProxyTracerProvider, Span, Tracer, TracerProvider

from infraprism import __version__, semconv
from infraprism.sessions import starting
from infraprism.tracing import callbacks, given, standalone
from infraprism.tracing.bag import AttributeValue, write
from infraprism.tracing.ledger import Ledger, process_ledger
from infraprism.tracing.processor import ENDING_IS_TOLD, SessionCostProcessor


class Connection(NamedTuple):
    """What the instrumentation needs of a tracer provider that has been made ready.

    Attributes:
        tracer: starts the spans of calls; maps sessions to traces.
        sessions_tracer: starts the spans of sessions, likewise.
        ledger: keeps the sessions' running totals.
        write: puts attributes on a span, quickly.
        tell: tells the application what a call cost, where it asked to be told.
        flush: has the ended spans exported, and waits for it: never in the application's threads.
        logger_provider: gives what takes the events of calls that are not sampled; None where nothing does.
    """

    tracer: Tracer
    sessions_tracer: Tracer
    ledger: Ledger
    write: Callable[[Span, Mapping[str, AttributeValue]], None] = write
    tell: Callable[..., None] = callbacks.tell
    flush: Callable[[], object] = lambda: None
    logger_provider: Callable[[], LoggerProvider | None] = get_logger_provider


def connect(
    provider: TracerProvider,
    logger_provider: LoggerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    *,
    own_export: bool,
) -> Connection:
    """Make `provider` carry sessions onto spans, and give the instrumentation its way in.

    Can be called again for the same provider. A provider that is not the SDK's is used as it is.

    Args:
        provider: the application's tracer provider.
        logger_provider, meter_provider: the application's; by default the global ones, whenever they are set.
        own_export: where the application has not configured one yet, export to the local collector.
    """
    logs: Callable[[], LoggerProvider | None] = get_logger_provider
    if own_export and isinstance(provider, ProxyTracerProvider):
        own = standalone.provider()
        if own is not None:
            provider, logs = own, _own_logger_provider  # events go where the spans go
    if callable(add := getattr(provider, "add_span_processor", None)) and not _has_processor(provider):
        processor = SessionCostProcessor(meter_provider=meter_provider)
        add(processor)
        if not ENDING_IS_TOLD:
            _put_first(provider, processor)
    flush = getattr(provider, "force_flush", None)
    return Connection(
        _tracer(provider, semconv.SCOPE),
        _tracer(provider, semconv.SESSIONS_SCOPE),
        process_ledger,
        flush=flush if callable(flush) else lambda: None,
        logger_provider=logs if logger_provider is None else lambda: logger_provider,
    )


def _own_logger_provider() -> LoggerProvider | None:
    from infraprism.tracing import standalone_events  # the SDK's logs: only once they are needed

    return standalone_events.provider()


def _tracer(provider: TracerProvider, scope: str) -> Tracer:
    """A tracer of ours: only such give root spans the traces of their sessions."""
    tracer = provider.get_tracer(scope, __version__, schema_url=semconv.SCHEMA_URL)
    generator = getattr(tracer, "id_generator", None)
    if isinstance(generator, IdGenerator) and not isinstance(generator, SessionIdGenerator):
        tracer.id_generator = SessionIdGenerator(generator)  # type: ignore[attr-defined]
        given.put_on(tracer)
    return tracer


def _has_processor(provider: TracerProvider) -> bool:
    # One that the user added by hand, or we did before. A second one would do no harm, only work.
    active = getattr(provider, "_active_span_processor", None)
    return any(isinstance(known, SessionCostProcessor) for known in getattr(active, "_span_processors", ()))


def _put_first(provider: TracerProvider, processor: SessionCostProcessor) -> None:
    """Let `processor` see the end of a span before the exporters do."""
    active: Any = getattr(provider, "_active_span_processor", None)
    lock, known = getattr(active, "_lock", None), getattr(active, "_span_processors", None)
    if lock is None or not isinstance(known, tuple):
        return  # not the SDK's own
    with lock:
        others = [other for other in active._span_processors if other is not processor]
        active._span_processors = (processor, *others)


class SessionIdGenerator(IdGenerator):
    """Gives a root span the trace id of the session it starts in, and any other what `inner` gives."""

    def __init__(self, inner: IdGenerator) -> None:
        self._inner = inner

    def generate_span_id(self) -> int:
        """A span id (64 bits)."""
        return self._inner.generate_span_id()

    def generate_trace_id(self) -> int:
        """A trace id (128 bits)."""
        return starting.trace_id or self._inner.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """False for a session's trace id: it is a hash and must not claim to be random."""
        return starting.trace_id is None and self._inner.is_trace_id_random()
