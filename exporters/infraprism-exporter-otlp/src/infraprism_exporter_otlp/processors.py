"""Processors that put each record on disk in the thread that ends it, before anything can lose it."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from infraprism_exporter_otlp.exporters import InfraPrismLogExporter, InfraPrismSpanExporter


class InfraPrismSpanProcessor(SpanProcessor):
    """Writes each sampled span at its end; a thread of its own delivers them.

    Args:
        exporter: what writes them; by default one of its own, with `options`.
        options: those of `InfraPrismSpanExporter`.
    """

    def __init__(self, exporter: InfraPrismSpanExporter | None = None, **options: Any) -> None:
        self._exporter = InfraPrismSpanExporter(**options) if exporter is None else exporter

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing."""

    def on_end(self, span: ReadableSpan) -> None:
        """Put the span on disk."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._exporter.write(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have what is on disk delivered; False where it was not."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Deliver what can be delivered in the time that is set, and leave the rest on disk."""
        self._exporter.shutdown()


class InfraPrismLogProcessor(LogRecordProcessor):
    """Writes each log record as it is emitted; a thread of its own delivers them.

    Args:
        exporter: what writes them; by default one of its own, with `options`.
        options: those of `InfraPrismSpanExporter`.
    """

    def __init__(self, exporter: InfraPrismLogExporter | None = None, **options: Any) -> None:
        self._exporter = InfraPrismLogExporter(**options) if exporter is None else exporter

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Put the record on disk."""
        self._exporter.write(log_record)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have what is on disk delivered; False where it was not."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Deliver what can be delivered in the time that is set, and leave the rest on disk."""
        self._exporter.shutdown()
