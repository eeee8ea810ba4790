"""What is encoded here is what the official encoder makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from infraprism_exporter_otlp.encoding import Groups, log_item, span_item
from infraprism_exporter_otlp.otlp_request import join
from infraprism_exporter_otlp.segment_reader import Item
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
integers = st.integers(-(2**63), 2**63 - 1)
simple = st.one_of(texts, integers, st.booleans(), st.floats(allow_nan=False))
values = st.one_of(simple, st.lists(texts, max_size=3), st.lists(integers, max_size=3))
attributes = st.dictionaries(texts.filter(bool), values, max_size=5)
ids = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.just(TraceFlags(1)),
    st.just(TraceState([("vendor", "1"), ("other", "2")])),
)
times = st.integers(0, 2**63)
scopes = st.sampled_from(
    [InstrumentationScope("a", "1", "https://schema", {"key": 1}), InstrumentationScope("b"), None]
)
resources = st.sampled_from([Resource({"service.name": "shop"}, "https://schema"), Resource({"n": 1})])
spans = st.builds(
    ReadableSpan,
    name=texts,
    context=ids,
    parent=st.none() | ids,
    resource=resources,
    attributes=attributes,
    events=st.lists(st.builds(Event, texts, attributes, times), max_size=2),
    links=st.lists(st.builds(Link, ids, attributes), max_size=2),
    kind=st.sampled_from(SpanKind),
    status=st.builds(Status, st.just(StatusCode.ERROR), texts) | st.just(Status()),
    start_time=times,
    end_time=times,
    instrumentation_scope=scopes,
)


def joined(records: Sequence[Any], encode: Any) -> bytes:
    groups = Groups()
    return join(
        [Item(groups.of(it.resource, it.instrumentation_scope), encode(it), 0) for it in records],
    )


@given(st.lists(spans, max_size=6))
def test_spans(found: list[ReadableSpan]) -> None:
    assert ExportTraceServiceRequest.FromString(joined(found, span_item)) == encode_spans(found)


nested = st.recursive(
    simple | st.none() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(nested, attributes, st.sampled_from(["infraprism.call", None]), ids, scopes, resources)
def test_log_records(body: Any, said: Any, event: Any, context: Any, scope: Any, resource: Any) -> None:
    record = LogRecord(
        timestamp=1,
        observed_timestamp=2,
        severity_text="INFO",
        severity_number=SeverityNumber.INFO,
        body=body,
        attributes=said,
        event_name=event,
    )
    record.trace_id, record.span_id, record.trace_flags = context.trace_id, context.span_id, TraceFlags(1)
    found = [ReadableLogRecord(record, resource, scope)]
    assert ExportLogsServiceRequest.FromString(joined(found, log_item)) == encode_logs(found)


def test_what_was_dropped_is_counted() -> None:
    limits = SpanLimits(max_span_attributes=1, max_events=1, max_links=1)
    span = TracerProvider(span_limits=limits, shutdown_on_exit=False).get_tracer("a").start_span("a call")
    for number in range(3):
        span.set_attribute(f"key{number}", number)
        span.add_event("event")
    span.end()
    assert isinstance(span, ReadableSpan)
    assert ExportTraceServiceRequest.FromString(joined([span], span_item)) == encode_spans([span])


def test_what_utf8_cannot_say_is_replaced() -> None:
    context = SpanContext(1, 2, False)
    span = ReadableSpan(
        "a\ud800b", context, attributes={"key": "c\ud800d", "other": 1}, resource=Resource({})
    )
    request = ExportTraceServiceRequest.FromString(joined([span], span_item))
    [sent] = request.resource_spans[0].scope_spans[0].spans
    assert (sent.name, sent.attributes[0].value.string_value, len(sent.attributes)) == ("a?b", "c?d", 2)


def test_a_body_that_otlp_has_not_is_sent_as_text() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for body, text in ((ValueError("no"), "no"), (2**70, str(2**70)), (endless, "[[...]]")):
        found = [ReadableLogRecord(LogRecord(body=body, attributes={"session.id": "a"}), Resource({}), None)]
        request = ExportLogsServiceRequest.FromString(joined(found, log_item))
        [sent] = request.resource_logs[0].scope_logs[0].log_records
        assert (sent.body.string_value, sent.attributes[0].key) == (text, "session.id")
