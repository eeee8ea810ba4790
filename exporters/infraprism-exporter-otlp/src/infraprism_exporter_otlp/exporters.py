"""The span exporter and the log exporter: whatever hands a record to them, it is on disk when they return."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from infraprism_exporter_otlp import settings
from infraprism_exporter_otlp.delivery import Delivery
from infraprism_exporter_otlp.encoding import Groups, log_item, span_item
from infraprism_exporter_otlp.meters import observe
from infraprism_exporter_otlp.transports import transport

_logger = logging.getLogger(__name__)
#: One of them is enough to be of interest where only costs and sessions are.
_OF_INTEREST = ("infraprism.cost.status", "gen_ai.usage.cost", "session.id", "gen_ai.conversation.id")

T = TypeVar("T")


class Writer(Generic[T]):
    """Writes records of one kind, each once however often it comes.

    Attributes:
        delivery: where they go.
    """

    def __init__(self, configured: settings.Settings, encode: Callable[[T], bytes]) -> None:
        self.delivery = Delivery(configured, transport(configured))
        self._encode = encode
        self._only_costs = configured.only == "costs"
        self._groups = Groups()
        # What came through our processor comes again where a batch processor is before the exporter.
        self._mark = f"_infraprism_spooled_{id(self)}"
        observe(self.delivery, configured.signal)

    def write(
        self,
        record: T,
        marked: Any,
        attributes: Mapping[str, Any] | None,
        resource: Resource | None,
        scope: InstrumentationScope | None,
    ) -> None:
        """Write a record, unless it was. Never raises.

        Args:
            marked: the object that is the same however the record comes.
        """
        try:
            if self._mark in marked.__dict__:
                return
            marked.__dict__[self._mark] = True
            if self._only_costs and not any(name in (attributes or ()) for name in _OF_INTEREST):
                return
            self.delivery.write(self._groups.of(resource, scope), self._encode(record))
        except Exception as error:  # noqa: BLE001 - never into the application
            self.delivery.counts.drop("not_encoded")
            _logger.warning("A record could not be written: %s", type(error).__name__)


class InfraPrismSpanExporter(SpanExporter):
    """Delivers spans to an InfraPrism collector, or any other that takes OTLP, and loses none of them.

    What a span processor hands to it is on disk when `export` returns. A batch processor hands over
    late, so use `InfraPrismSpanProcessor` instead, or the SDK's simple one.

    Args:
        options: those of `settings.load`: endpoint, headers, timeout (s), compression,
            certificate_file, client_certificate_file, client_key_file, spool_directory,
            spool_max_bytes, spool_fsync, spool_only, exit_seconds. Each wins over its variable.
    Raises `ValueError` for one that cannot be used.
    """

    def __init__(self, **options: Any) -> None:
        self._writer: Writer[ReadableSpan] = Writer(settings.load("traces", **options), span_item)

    @property
    def delivery(self) -> Delivery:
        """What has become of the spans."""
        return self._writer.delivery

    def write(self, span: ReadableSpan) -> None:
        """Put one ended span on disk. Never raises."""
        self._writer.write(span, span, span.attributes, span.resource, span.instrumentation_scope)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Put spans on disk, those that are not there yet."""
        for span in spans:
            self.write(span)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have what is on disk delivered; False where it was not."""
        return self.delivery.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Deliver what can be delivered in the time that is set, and leave the rest on disk."""
        self.delivery.close()


class InfraPrismLogExporter(LogRecordExporter):
    """As `InfraPrismSpanExporter`, of log records: calls that are not sampled are events among them."""

    def __init__(self, **options: Any) -> None:
        self._writer: Writer[ReadableLogRecord | ReadWriteLogRecord] = Writer(
            settings.load("logs", **options), log_item
        )

    @property
    def delivery(self) -> Delivery:
        """What has become of the records."""
        return self._writer.delivery

    def write(self, record: ReadableLogRecord | ReadWriteLogRecord) -> None:
        """Put one record on disk. Never raises."""
        said = record.log_record
        self._writer.write(record, said, said.attributes, record.resource, record.instrumentation_scope)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Put records on disk, those that are not there yet."""
        for record in batch:
            self.write(record)
        return LogRecordExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have what is on disk delivered; False where it was not."""
        return self.delivery.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Deliver what can be delivered in the time that is set, and leave the rest on disk."""
        self.delivery.close()
