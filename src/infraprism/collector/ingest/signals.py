"""What the collector takes over OTLP: spans, and log records. All that differs between the two."""

from __future__ import annotations

from collections import Counter
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

from infraprism.collector.ingest import calls, logs
from infraprism.collector.ingest.calls import Batch
from infraprism.collector.ingest.heads import REJECTIONS


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of export request."""

    request: type[Message]
    #: Makes rows of a request.
    read: Callable[[Any], Batch]
    #: The answer; names why items were refused, when some were.
    accepted: Callable[[Counter[str]], Message]


def _spans_accepted(rejected: Counter[str]) -> Message:
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected.total()
        response.partial_success.error_message = _said(rejected, "spans")
    return response


def _logs_accepted(rejected: Counter[str]) -> Message:
    response = ExportLogsServiceResponse()
    if rejected:
        response.partial_success.rejected_log_records = rejected.total()
        response.partial_success.error_message = _said(rejected, "log records")
    return response


def _said(rejected: Counter[str], items: str) -> str:
    return "; ".join(
        f"{reason}: {REJECTIONS[reason]} ({count} {items})" for reason, count in sorted(rejected.items())
    )


TRACES: Final = Signal(ExportTraceServiceRequest, calls.read_request, _spans_accepted)
LOGS: Final = Signal(ExportLogsServiceRequest, logs.read_request, _logs_accepted)
