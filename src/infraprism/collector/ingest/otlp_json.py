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
from infraprism.collector.ingest.pieces import MAX_MESSAGES, TooManyError

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
#: How deep an attribute's value may nest; far beyond any real one, far below the interpreter's stack.
_MAX_DEPTH: Final = 32


#: What reading a value of another type than expected raises.
_WRONG_SHAPE: Final = (AttributeError, TypeError, ValueError, KeyError, OverflowError)


class UndecodableError(ValueError):
    """The body is no export request in the format it claims; sending it again cannot help."""


class _FieldError(ValueError):
    """A field that is not what OTLP says; the argument is its name."""


def decode(body: bytes, kind: type[Message]) -> tuple[Message, list[str]]:
    """The request of this kind in `body`, and of each item that is left out as malformed the field at fault.

    Raises `UndecodableError`, `TooManyError`.
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
    malformed: list[str] = []
    met = 0
    try:
        for by_resource in document.get(of_resource.json) or ():
            resource = getattr(request, of_resource.proto).add()
            said = by_resource.get("resource") or {}
            _fill_attributes(resource.resource.attributes, said.get("attributes"), 0)
            for by_scope in by_resource.get(of_scope.json) or ():
                items = getattr(getattr(resource, of_scope.proto).add(), names.proto)
                for fields in by_scope.get(names.json) or ():
                    met += 1
                    if met > MAX_MESSAGES:
                        raise TooManyError
                    try:
                        item = read(fields)
                    except _FieldError as error:
                        malformed.append(str(error))
                    except _WRONG_SHAPE:
                        malformed.append("all")
                    else:
                        items.append(item)
    except _WRONG_SHAPE as error:
        raise UndecodableError(f"the body is not an {kind.__name__} in JSON: {error}") from None
    return request, malformed


def _span(fields: dict[str, Any]) -> Span:
    """A span with what a row is made of; events, links and unknown fields are passed over."""
    span = Span()
    for name, fill in _SPAN_FIELDS:
        _fill(span, fields, name, fill)
    return span


def _log_record(fields: dict[str, Any]) -> LogRecord:
    """A log record with what a row is made of; of one that is no event of a call, nothing."""
    record = LogRecord()
    if fields.get("eventName") != semconv.EVENT_CALL:
        return record
    record.event_name = semconv.EVENT_CALL
    for name, fill in _LOG_FIELDS:
        _fill(record, fields, name, fill)
    return record


def _fill(item: Any, fields: dict[str, Any], name: str, fill: Callable[[Any, Any], None]) -> None:
    value = fields.get(name)
    try:
        if value:
            fill(item, value)
    except _WRONG_SHAPE:
        raise _FieldError(name) from None


def _sets(attribute: str, read: Callable[[Any], Any]) -> Callable[[Any, Any], None]:
    return lambda item, value: setattr(item, attribute, read(value))


def _fill_status(span: Any, value: Any) -> None:
    span.status.code = _integer(value.get("code") or 0)


def _as_is(value: Any) -> Any:
    return value


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


_IDS: Final = (("traceId", _sets("trace_id", bytes.fromhex)), ("spanId", _sets("span_id", bytes.fromhex)))
_ATTRIBUTES: Final = ("attributes", lambda item, value: _fill_attributes(item.attributes, value, 0))
_SPAN_FIELDS: Final = (
    *_IDS,
    ("parentSpanId", _sets("parent_span_id", bytes.fromhex)),
    ("name", _sets("name", _as_is)),
    ("startTimeUnixNano", _sets("start_time_unix_nano", _integer)),
    ("endTimeUnixNano", _sets("end_time_unix_nano", _integer)),
    ("status", _fill_status),
    _ATTRIBUTES,
)
_LOG_FIELDS: Final = (*_IDS, ("timeUnixNano", _sets("time_unix_nano", _integer)), _ATTRIBUTES)


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
