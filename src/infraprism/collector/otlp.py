"""Bodies of OTLP over HTTP: what a request says, and how its answers are spelt. Protobuf and JSON."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from enum import Enum
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from infraprism.collector.calls import REJECTIONS


class Format(Enum):
    """The two encodings of OTLP over HTTP, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class UndecodableError(ValueError):
    """The body is no export request in the format it claims; sending it again cannot help."""


def decode(body: bytes, form: Format) -> tuple[ExportTraceServiceRequest, int]:
    """The request in `body`, and how many of its spans had to be left out as malformed (JSON only).

    Raises `UndecodableError`.
    """
    if form is Format.JSON:
        return _decode_json(body)
    try:
        return ExportTraceServiceRequest.FromString(body), 0
    except DecodeError as error:
        raise UndecodableError(f"the body is not an ExportTraceServiceRequest in protobuf: {error}") from None


def encode(message: Message, form: Format) -> bytes:
    """`message` in the format of the request it answers."""
    if form is Format.JSON:
        text: str = json_format.MessageToJson(message, indent=None)
        return text.encode()
    content: bytes = message.SerializeToString()
    return content


def accepted(rejected: Counter[str]) -> ExportTraceServiceResponse:
    """The answer to a stored request; names why spans were refused, when some were."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected.total()
        response.partial_success.error_message = "; ".join(
            f"{reason}: {REJECTIONS[reason]} ({count} spans)" for reason, count in sorted(rejected.items())
        )
    return response


def refused(message: str) -> Status:
    """The body of a refusal, as OTLP wants it."""
    return Status(message=message)


# --- JSON ---------------------------------------------------------------------------------------------------

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
#: How deep an attribute's value may nest; far beyond any real one, far below the interpreter's stack.
_MAX_DEPTH: Final = 32


def _decode_json(body: bytes) -> tuple[ExportTraceServiceRequest, int]:
    try:
        text = body.decode()
        document = json.loads(text)
        if _SURROGATE_ESCAPE.search(text):
            # Half a surrogate pair is no character and no protobuf string can hold it: it becomes "?".
            document = json.loads(json.dumps(document, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        raise UndecodableError("the body is not valid JSON, or nested too deep") from None
    request = ExportTraceServiceRequest()
    malformed = 0
    try:
        for resource_spans in document.get("resourceSpans") or ():
            target = request.resource_spans.add()
            resource = resource_spans.get("resource") or {}
            _fill_attributes(target.resource.attributes, resource.get("attributes"), 0)
            for scope_spans in resource_spans.get("scopeSpans") or ():
                spans = target.scope_spans.add().spans
                for fields in scope_spans.get("spans") or ():
                    try:
                        span = _span(fields)
                    except _WRONG_SHAPE:
                        malformed += 1
                    else:
                        spans.append(span)
    except _WRONG_SHAPE as error:
        raise UndecodableError(f"the body is not an ExportTraceServiceRequest in JSON: {error}") from None
    return request, malformed


#: What reading a value of another type than expected raises.
_WRONG_SHAPE: Final = (AttributeError, TypeError, ValueError, KeyError, OverflowError)


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
