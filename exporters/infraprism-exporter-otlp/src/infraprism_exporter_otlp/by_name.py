"""What ``OTEL_TRACES_EXPORTER=infraprism`` selects, and its like.

The SDK puts a batch processor before an exporter that is chosen by its name, and a batch processor keeps
spans in memory for seconds. So these add the processor that writes at once to the provider that is being
set up; what the batch processor hands over later has been written by then.

The environment's providers are set before their exporters are made; those of a configuration file after.
There the processor is added by `attach`, which `opentelemetry-instrument` calls once all is set up,
else with the first batch.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from infraprism_exporter_otlp.exporters import InfraPrismLogExporter, InfraPrismSpanExporter
from infraprism_exporter_otlp.processors import InfraPrismLogProcessor, InfraPrismSpanProcessor

_unattached: weakref.WeakSet[NamedSpanExporter | NamedLogExporter] = weakref.WeakSet()


class NamedSpanExporter(InfraPrismSpanExporter):
    """An `InfraPrismSpanExporter` that has spans written at their end, whatever processor is before it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _unattached.add(self)
        self.attach()

    def attach(self) -> None:
        """Have the global tracer provider write, where there is one and it does not yet."""
        provider = trace.get_tracer_provider()
        if self in _unattached and isinstance(provider, TracerProvider):
            _unattached.discard(self)
            provider.add_span_processor(InfraPrismSpanProcessor(self))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Put spans on disk, those that are not there yet."""
        self.attach()
        return super().export(spans)


class NamedLogExporter(InfraPrismLogExporter):
    """As `NamedSpanExporter`, of log records."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _unattached.add(self)
        self.attach()

    def attach(self) -> None:
        """Have the global logger provider write, where there is one and it does not yet."""
        provider = get_logger_provider()
        if self in _unattached and isinstance(provider, LoggerProvider):
            _unattached.discard(self)
            provider.add_log_record_processor(InfraPrismLogProcessor(self))

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Put records on disk, those that are not there yet."""
        self.attach()
        return super().export(batch)


def attach() -> None:
    """Add the processors that could not be added when their exporters were made."""
    for exporter in list(_unattached):
        exporter.attach()
