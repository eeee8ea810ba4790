"""Export requests of OTLP/JSON: read by hand, so that a malformed item does not take the others with it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from infraprism import semconv

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
#: How deep an attribute's value may nest; far beyond any real one, far below the interpreter's stack.
_MAX_DEPTH: Final = 32


#: What reading a value of another type than expected raises.
_WRONG_SHAPE: Final = (AttributeError, TypeError, ValueError, KeyError, OverflowError)


class UndecodableError(ValueError):
    """The body is no export request in the format it claims; sending it again cannot help."""


def decode(body: bytes, kind: type[Message]) -> tuple[Message, int]:
    """The request of this kind in `body`, and how many of its items had to be left out as malformed.

    Raises `UndecodableError`.
    """
    try:
        text = body.decode()
        document = json.loads(text)
        if _SURROGATE_ESCAPE.search(text):
            # Half a surrogate pair is no character and no protobuf string can hold it: it becomes "?".
            document = json.loads(json.dumps(document, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        raise UndecodableError("the body is not valid JSON, or nested too deep") from None
    request: Any = kind()
    of_resource, of_scope, names, read = _SHAPES[kind]
    malformed = 0
    try:
        for by_resource in document.get(of_resource.json) or ():
            resource = getattr(request, of_resource.proto).add()
            said = by_resource.get("resource") or {}
            _fill_attributes(resource.resource.attributes, said.get("attributes"), 0)
            for by_scope in by_resource.get(of_scope.json) or ():
                items = getattr(getattr(resource, of_scope.proto).add(), names.proto)
                for fields in by_scope.get(names.json) or ():
                    try:
                        item = read(fields)
                    except _WRONG_SHAPE:
                        malformed += 1
                    else:
                        items.append(item)
    except _WRONG_SHAPE as error:
        raise UndecodableError(f"the body is not an {kind.__name__} in JSON: {error}") from None
    return request, malformed


def _span(fields: dict[str, Any]) -> Span:
    """A span with what a row is made of; events, links and unknown fields are passed over."""
    span = Span(
        trace_id=bytes.fromhex(fields.get("traceId") or ""),
        span_id=bytes.fromhex(fields.get("spanId") or ""),
        parent_span_id=bytes.fromhex(fields.get("parentSpanId") or ""),
        name=fields.get("name") or "",
        start_time_unix_nano=_integer(fields.get("startTimeUnixNano") or 0),
        end_time_unix_nano=_integer(fields.get("endTimeUnixNano") or 0),
    )
    span.status.code = _integer((fields.get("status") or {}).get("code") or 0)  # type: ignore[assignment]
    _fill_attributes(span.attributes, fields.get("attributes"), 0)
    return span


def _log_record(fields: dict[str, Any]) -> LogRecord:
    """A log record with what a row is made of; of one that is no event of a call, nothing."""
    if fields.get("eventName") != semconv.EVENT_CALL:
        return LogRecord()
    record = LogRecord(
        event_name=semconv.EVENT_CALL,
        trace_id=bytes.fromhex(fields.get("traceId") or ""),
        span_id=bytes.fromhex(fields.get("spanId") or ""),
        time_unix_nano=_integer(fields.get("timeUnixNano") or 0),
    )
    _fill_attributes(record.attributes, fields.get("attributes"), 0)
    return record


def _fill_attributes(target: Any, attributes: Any, depth: int) -> None:
    for item in attributes or ():
        added = target.add()
        added.key = item["key"]
        _fill_value(added.value, item.get("value") or {}, depth)


def _fill_value(target: AnyValue, value: dict[str, Any], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("an attribute is nested too deep")
    for kind, content in value.items():
        match kind:
            case "stringValue":
                target.string_value = content
            case "boolValue":
                target.bool_value = content
            case "intValue":
                target.int_value = _integer(content)
            case "doubleValue":
                target.double_value = float(content)
            case "bytesValue":
                target.bytes_value = base64.b64decode(content, validate=True)
            case "arrayValue":
                target.array_value.SetInParent()
                for item in content.get("values") or ():
                    _fill_value(target.array_value.values.add(), item, depth + 1)
            case "kvlistValue":
                target.kvlist_value.SetInParent()
                _fill_attributes(target.kvlist_value.values, content.get("values"), depth + 1)


def _integer(value: object) -> int:
    """An int64 of OTLP/JSON: a number, or its decimal text."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return int(value)
    raise TypeError(f"{value!r} is not an integer")


class _Name(NamedTuple):
    json: str
    proto: str


class _Shape(NamedTuple):
    of_resource: _Name
    of_scope: _Name
    items: _Name
    read: Callable[[dict[str, Any]], Message]


_SHAPES: Final[dict[type[Message], _Shape]] = {
    ExportTraceServiceRequest: _Shape(
        _Name("resourceSpans", "resource_spans"),
        _Name("scopeSpans", "scope_spans"),
        _Name("spans", "spans"),
        _span,
    ),
    ExportLogsServiceRequest: _Shape(
        _Name("resourceLogs", "resource_logs"),
        _Name("scopeLogs", "scope_logs"),
        _Name("logRecords", "log_records"),
        _log_record,
    ),
}
