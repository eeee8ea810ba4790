"""An SDK as applications have it, exporting to nowhere or to a list, and one variant on top."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from variants import BARE, FLOOR, VARIANTS


def start(variant: str, *, sampled: bool = True, spans: Any = None, reader: Any = None) -> Callable[[], None]:
    """Set the providers and switch the variant on; gives what flushes the providers.

    `spans` and `reader`: exporter and metric reader, by default ones that drop what they are given. Spans go
    through a batch processor.
    """
    if variant == BARE:
        return lambda: None
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

    spans, reader = spans or _null_spans(), reader or _null_reader()
    if variant == "logfire":  # makes its own providers
        return _start_logfire(BatchSpanProcessor(spans), reader, sampled)
    provider = TracerProvider() if sampled else TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    trace.set_tracer_provider(provider)
    if not sampled:
        _log_to_nowhere()
    meter_provider = MeterProvider([reader])
    metrics.set_meter_provider(meter_provider)
    if variant == "langfuse":  # adds its own batch processor
        import langfuse

        langfuse.Langfuse(public_key="none", secret_key="none", tracer_provider=provider, span_exporter=spans)
    else:
        provider.add_span_processor(BatchSpanProcessor(spans))
    exec(VARIANTS[variant].code, {})

    def flush() -> None:
        provider.force_flush()
        meter_provider.force_flush()

    return flush


def _start_logfire(processor: Any, reader: Any, sampled: bool) -> Callable[[], None]:
    import logfire

    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[processor],
        metrics=logfire.MetricsOptions(additional_readers=[reader]),
        sampling=logfire.SamplingOptions(head=1.0 if sampled else 0.0),
    )
    logfire.instrument_openai()
    return lambda: logfire.force_flush() and None


def _log_to_nowhere() -> None:
    """Take, as a collector would, what is told of calls that are not sampled."""
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import (
        BatchLogRecordProcessor,
        LogRecordExporter,
        LogRecordExportResult,
    )

    class NullLogs(LogRecordExporter):
        def export(self, batch: Any) -> LogRecordExportResult:
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return True

    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(NullLogs()))
    set_logger_provider(provider)


def _null_spans() -> Any:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class NullSpans(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    return NullSpans()


def _null_reader() -> Any:
    from opentelemetry.sdk.metrics import export

    class NullMetrics(export.MetricExporter):
        def export(self, *args: Any, **kwargs: Any) -> export.MetricExportResult:
            return export.MetricExportResult.SUCCESS

        def shutdown(self, *args: Any, **kwargs: Any) -> None: ...

        def force_flush(self, *args: Any, **kwargs: Any) -> bool:
            return True

    return export.PeriodicExportingMetricReader(NullMetrics())


def in_a_span(client: Any, *, is_async: bool) -> None:
    """The floor: make the client's chat call inside a span, with nothing read of it."""
    from opentelemetry import trace

    tracer = trace.get_tracer(FLOOR)
    completions = client.chat.completions
    create = completions.create
    first = {f"request.{number}": "some text" for number in range(10)}
    second = {f"response.{number}": "some text" for number in range(18)}

    def span() -> Any:
        return tracer.start_as_current_span("chat gpt-4o", kind=trace.SpanKind.CLIENT, attributes=first)

    def spanned(**arguments: Any) -> Any:
        with span() as current:
            result = create(**arguments)
            current.set_attributes(second)
        return result

    async def aspanned(**arguments: Any) -> Any:
        with span() as current:
            result = await create(**arguments)
            current.set_attributes(second)
        return result

    completions.create = aspanned if is_async else spanned
