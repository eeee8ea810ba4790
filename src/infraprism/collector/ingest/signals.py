"""What the collector takes over OTLP: spans, and log records. All that differs between the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from infraprism.collector.ingest import logs, spans
from infraprism.collector.ingest.calls import Batch
from infraprism.collector.ingest.heads import REJECTIONS


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of export request."""

    request: type[Message]
    item: type[Message]
    #: Makes a row of an item of the service of this name, and adds it to a batch.
    add: Callable[[Any, str | None, Batch], None]
    #: Makes rows of a request.
    read: Callable[[Any], Batch]
    #: The answer; names why items were refused, when some were.
    accepted: Callable[[Batch], Message]


def _spans_accepted(batch: Batch) -> Message:
    response = ExportTraceServiceResponse()
    if batch.rejected:
        response.partial_success.rejected_spans = batch.rejected.total()
        response.partial_success.error_message = _said(batch, "spans")
    return response


def _logs_accepted(batch: Batch) -> Message:
    response = ExportLogsServiceResponse()
    if batch.rejected:
        response.partial_success.rejected_log_records = batch.rejected.total()
        response.partial_success.error_message = _said(batch, "log records")
    return response


def _said(batch: Batch, items: str) -> str:
    return "; ".join(
        f"{reason}: {REJECTIONS[reason]} ({count} {items}, the first: {batch.first_rejected[reason]})"
        for reason, count in sorted(batch.rejected.items())
    )


TRACES: Final = Signal(ExportTraceServiceRequest, Span, spans.add, spans.read_request, _spans_accepted)
LOGS: Final = Signal(ExportLogsServiceRequest, LogRecord, logs.add, logs.read_request, _logs_accepted)
