"""Where the events of unsampled calls go in an application without a tracer provider: beside its spans."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
)

from infraprism import guard
from infraprism.tracing import standalone


@cache
@guard.guarded("telemetry_error")
def provider() -> LoggerProvider | None:
    """A provider that exports over OTLP/HTTP, as `standalone.provider` does for spans; never the global one.

    `OTEL_LOGS_EXPORTER=none` turns it off. It is made once.
    """
    if os.environ.get("OTEL_LOGS_EXPORTER", "").strip().lower() == "none":
        return None
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    exporter = _QuietExporter(OTLPLogExporter(**standalone.options("LOGS")))
    result = LoggerProvider()
    result.add_log_record_processor(BatchLogRecordProcessor(exporter))
    standalone.flush_at_the_end_of_children(result)
    return result


class _QuietExporter(standalone.Quiet, LogRecordExporter):
    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Deliver a batch."""
        return LogRecordExportResult.SUCCESS if self.delivers(batch) else LogRecordExportResult.FAILURE
