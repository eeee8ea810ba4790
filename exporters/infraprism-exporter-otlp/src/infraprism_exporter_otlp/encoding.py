"""Spans and log records as OTLP has them, in the official messages, each by itself.

A request is then joined bytes: what was encoded when a span ended is never decoded on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, SpanFlags
from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceState

from infraprism_exporter_otlp.frames import Group

_logger = logging.getLogger(__name__)
#: Spans in a ScopeSpans, records in a ScopeLogs: field 2, with a length.
_ITEM_TAG: Final = b"\x12"
_HAS_REMOTE: Final = int(SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
_IS_REMOTE: Final = int(SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
#: Groups are known by the identity of their parts; an application that makes more starts again.
_MOST_GROUPS: Final = 1024


def varint(number: int) -> bytes:
    """A whole number, not negative, as protobuf writes it."""
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)
    return bytes(result)


def as_item(message: bytes) -> bytes:
    """An encoded span or record as a field of its scope."""
    return _ITEM_TAG + varint(len(message)) + message


def span_item(span: ReadableSpan) -> bytes:
    """An ended span. Raises where it is none that OTLP can say."""
    context, parent = span.context, span.parent
    if context is None:
        raise ValueError("a span without a context")
    message = Span(
        trace_id=context.trace_id.to_bytes(16, "big"),
        span_id=context.span_id.to_bytes(8, "big"),
        trace_state=_trace_state(context.trace_state),
        name=_text(span.name),
        kind=span.kind.value + 1,  # type: ignore[arg-type]
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        dropped_attributes_count=span.dropped_attributes,
        dropped_events_count=span.dropped_events,
        dropped_links_count=span.dropped_links,
        flags=_flags(parent),
    )
    if parent is not None:
        message.parent_span_id = parent.span_id.to_bytes(8, "big")
    message.status.code = span.status.status_code.value  # type: ignore[assignment]
    if span.status.description:
        message.status.message = _text(span.status.description)
    _add_attributes(message.attributes, span.attributes)
    for event in span.events:
        added = message.events.add(
            name=_text(event.name),
            time_unix_nano=event.timestamp,
            dropped_attributes_count=event.dropped_attributes,
        )
        _add_attributes(added.attributes, event.attributes)
    for link in span.links:
        linked = message.links.add(
            trace_id=link.context.trace_id.to_bytes(16, "big"),
            span_id=link.context.span_id.to_bytes(8, "big"),
            dropped_attributes_count=link.dropped_attributes,
            flags=_flags(link.context),
        )
        _add_attributes(linked.attributes, link.attributes)
    return as_item(message.SerializeToString())


def log_item(record: ReadableLogRecord | ReadWriteLogRecord) -> bytes:
    """A log record. Raises where it is none that OTLP can say."""
    said = record.log_record
    message = LogRecord(
        time_unix_nano=said.timestamp or 0,
        observed_time_unix_nano=said.observed_timestamp,
        severity_text=_text(said.severity_text or ""),
        dropped_attributes_count=record.dropped_attributes,
        flags=int(said.trace_flags or 0),
        event_name=_text(said.event_name or ""),
    )
    if said.trace_id:
        message.trace_id = said.trace_id.to_bytes(16, "big")
    if said.span_id:
        message.span_id = said.span_id.to_bytes(8, "big")
    if said.severity_number is not None:
        message.severity_number = said.severity_number.value  # type: ignore[assignment]
    message.body.SetInParent()
    try:
        _set_value(message.body, said.body)
    except (TypeError, ValueError, RecursionError):  # such as an exception that was logged as it is
        message.body.string_value = _text(str(said.body))
    _add_attributes(message.attributes, said.attributes)
    return as_item(message.SerializeToString())


class Groups:
    """The groups that records belong to, each encoded once."""

    def __init__(self) -> None:
        # The parts are kept beside, so that no other gets the identity of one that is gone.
        self._known: dict[tuple[int, int], tuple[Any, Any, Group]] = {}

    def of(self, resource: Resource | None, scope: InstrumentationScope | None) -> Group:
        """The group of a resource and a scope."""
        key = (id(resource), id(scope))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_GROUPS:
                self._known = {}
            known = self._known[key] = (resource, scope, _group(resource, scope))
        return known[2]


def _group(resource: Resource | None, scope: InstrumentationScope | None) -> Group:
    # The fields have the same numbers in logs.
    of_resource, of_scope = ResourceSpans(), ScopeSpans()
    of_resource.resource.SetInParent()
    if resource is not None:
        _add_attributes(of_resource.resource.attributes, resource.attributes)
        of_resource.schema_url = resource.schema_url or ""
    of_scope.scope.SetInParent()
    if scope is not None:
        of_scope.scope.name = _text(scope.name)
        of_scope.scope.version = _text(scope.version or "")
        of_scope.schema_url = scope.schema_url or ""
        _add_attributes(of_scope.scope.attributes, scope.attributes)
    return Group(of_resource.SerializeToString(), of_scope.SerializeToString())


def _add_attributes(field: Any, attributes: Mapping[str, Any] | None) -> None:
    if not attributes:
        return
    add = field.add
    for key, value in attributes.items():
        added = add()
        try:
            added.key = key
            # The three that are most of them, without a call.
            kind = type(value)
            if kind is str:
                added.value.string_value = value
            elif kind is int:
                added.value.int_value = value
            elif kind is float:
                added.value.double_value = value
            else:
                _set_value(added.value, value)
        except UnicodeEncodeError:
            added.key = _text(key)
            _set_value(added.value, value)
        except (TypeError, ValueError) as error:  # an int of more than 64 bits, a type that OTLP has not
            del field[-1]
            _logger.warning("An attribute was left out: %s", type(error).__name__)


def _set_value(message: AnyValue, value: Any) -> None:
    match value:
        case None:
            pass
        case bool():
            message.bool_value = value
        case str():
            message.string_value = _text(value)
        case int():
            message.int_value = value
        case float():
            message.double_value = value
        case bytes():
            message.bytes_value = value
        case Mapping():
            message.kvlist_value.SetInParent()
            for key, inner in value.items():
                added = message.kvlist_value.values.add(key=_text(str(key)))
                added.value.SetInParent()
                _set_value(added.value, inner)
        case Sequence():
            message.array_value.SetInParent()
            for inner in value:
                _set_value(message.array_value.values.add(), inner)
        case _:
            raise TypeError("not an attribute value")


def _text(text: str) -> str:
    """The text, with what UTF-8 cannot say replaced."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _trace_state(state: TraceState | None) -> str:
    return ",".join(f"{key}={value}" for key, value in state.items()) if state else ""


def _flags(context: SpanContext | None) -> int:
    return _HAS_REMOTE | _IS_REMOTE if context is not None and context.is_remote else _HAS_REMOTE
