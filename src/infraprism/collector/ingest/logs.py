"""One OTLP log record in; a row of the store out, where it is the event of a call that was not sampled.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from infraprism import semconv
from infraprism.collector.ingest.attributes import Attributes
from infraprism.collector.ingest.calls import Batch, Call
from infraprism.collector.ingest.heads import Head, RejectedError
from infraprism.collector.ingest.spans import read, service_name_of

#: Why a log record is accepted and not kept.
NO_CALL: Final = "no_call"


def read_request(request: ExportLogsServiceRequest) -> Batch:
    """Sort every log record of `request` into a `Batch`. A malformed one never affects its neighbours."""
    batch = Batch()
    for resource_logs in request.resource_logs:
        service_name = service_name_of(resource_logs.resource)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                add(record, service_name, batch)
    return batch


def add(record: LogRecord, service_name: str | None, batch: Batch) -> None:
    """Sort one log record into `batch`."""
    try:
        call = _read(record, service_name, batch.values_dropped)
    except RejectedError as error:
        batch.reject(error, record.span_id)
        return
    if call is not None:
        batch.calls.append(call)
    else:
        batch.ignored[NO_CALL] += 1


def _read(record: LogRecord, service_name: str | None, dropped: Counter[str]) -> Call | None:
    if record.event_name != semconv.EVENT_CALL:
        return None
    attributes = Attributes(record.attributes, dropped)
    head = Head(
        record.trace_id,
        record.span_id,
        _span_id(attributes.text(semconv.CALL_PARENT_SPAN_ID)),
        max(0, attributes.integer(semconv.CALL_STARTED_AT)),
        record.time_unix_nano,
        attributes.text(semconv.CALL_NAME) or "",
    )
    row = read(head, attributes, service_name)
    return row if isinstance(row, Call) else None


def _span_id(text: str | None) -> bytes:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        return b""
