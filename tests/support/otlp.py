"""Builders of OTLP spans, and of events that say the same: deterministic ids, whole sensible defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SECOND = 1_000_000_000
#: 2025-01-01T00:00:00Z
NEW_YEAR = 1_735_689_600 * SECOND
#: Of a call that is not sampled.
EVENT = "infraprism.call"


def any_value(value: Any) -> AnyValue:
    """`value` as OTLP spells it; None is an AnyValue that holds nothing."""
    result = AnyValue()
    match value:
        case None:
            pass
        case bool():
            result.bool_value = value
        case int():
            result.int_value = value
        case float():
            result.double_value = value
        case str():
            result.string_value = value
        case bytes():
            result.bytes_value = value
        case list():
            result.array_value.values.extend(any_value(item) for item in value)
            result.array_value.SetInParent()
        case dict():
            result.kvlist_value.values.extend(attributes(value))
            result.kvlist_value.SetInParent()
    return result


def attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def make_span(
    number: int = 1,
    values: Mapping[str, Any] | None = None,
    *,
    start: int | None = None,
    seconds: float = 1,
    parent: int = 0,
    is_error: bool = False,
    name: str = "chat gpt-4o",
) -> Span:
    """Span `number`: its ids and its start (that many seconds into 2025) follow from the number."""
    start = NEW_YEAR + number * SECOND if start is None else start
    span = Span(
        trace_id=number.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(seconds * SECOND),
        attributes=attributes(values or {}),
    )
    if is_error:
        span.status.code = 2
    return span


def make_call(number: int = 1, values: Mapping[str, Any] | None = None, **options: Any) -> Span:
    """Span `number` as a priced chat of session s-1 of customer acme; None in `values` takes one away."""
    merged = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 500,
        "session.id": "s-1",
        "infraprism.entity.type": "customer",
        "infraprism.entity.id": "acme",
        "infraprism.cost.amount": "0.0075",
        "infraprism.cost.currency": "USD",
        "infraprism.cost.status": "priced",
        "infraprism.cost.source": "local",
        "infraprism.cost.price_version": "genai-prices 0.2.3",
        "infraprism.cost.input": "0.0025",
        "infraprism.cost.output": "0.005",
        **(values or {}),
    }
    return make_span(number, {key: value for key, value in merged.items() if value is not None}, **options)


def make_event(span: Span, values: Mapping[str, Any] | None = None, *, name: str = EVENT) -> LogRecord:
    """The event that says of a call what its span would have said; None in `values` takes one away."""
    own = {
        "infraprism.call.name": span.name,
        "infraprism.call.started_at": span.start_time_unix_nano,
        "infraprism.call.parent_span_id": span.parent_span_id.hex() or None,
        **(values or {}),
    }
    return LogRecord(
        event_name=name,
        severity_number=9,  # type: ignore[arg-type]
        trace_id=span.trace_id,
        span_id=span.span_id,
        time_unix_nano=span.end_time_unix_nano,
        attributes=[*span.attributes, *attributes({k: v for k, v in own.items() if v is not None})],
    )


def make_logs_request(*records: LogRecord, service_name: str | None = "shop") -> ExportLogsServiceRequest:
    """An export request of one resource that holds `records`."""
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    if service_name is not None:
        resource_logs.resource.attributes.extend(attributes({"service.name": service_name}))
    resource_logs.scope_logs.add().log_records.extend(records)
    return request


def make_logs_json(*records: LogRecord, service_name: str = "shop") -> dict[str, Any]:
    """The same request as an OTLP/JSON document."""
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": [_json_attribute("service.name", service_name)]},
                "scopeLogs": [{"logRecords": [*map(_json_record, records)]}],
            }
        ]
    }


def make_request(*spans: Span, service_name: str | None = "shop") -> ExportTraceServiceRequest:
    """An export request of one resource that holds `spans`."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    if service_name is not None:
        resource_spans.resource.attributes.extend(attributes({"service.name": service_name}))
    resource_spans.scope_spans.add().spans.extend(spans)
    return request


def make_json(*spans: Span, service_name: str = "shop") -> dict[str, Any]:
    """The same request as an OTLP/JSON document: hex ids, 64-bit integers as text, enums as numbers."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [_json_attribute("service.name", service_name)]},
                "scopeSpans": [{"scope": {"name": "infraprism.openai"}, "spans": [*map(_json_span, spans)]}],
            }
        ]
    }


def _json_span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": 3,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "attributes": [{"key": item.key, "value": _json_value(item.value)} for item in span.attributes],
        "status": {"code": span.status.code},
    }


def _json_record(record: LogRecord) -> dict[str, Any]:
    return {
        "timeUnixNano": str(record.time_unix_nano),
        "severityNumber": record.severity_number,
        "eventName": record.event_name,
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "attributes": [{"key": item.key, "value": _json_value(item.value)} for item in record.attributes],
    }


def _json_attribute(key: str, text: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": text}}


def _json_value(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "string_value":
            return {"stringValue": value.string_value}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "double_value":
            return {"doubleValue": value.double_value}
        case kind:
            raise NotImplementedError(kind)
