"""Calls whose spans are not sampled: each is an event that says what its span would have said."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from opentelemetry import _logs, trace
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry._logs import _internal as logs_api
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import NoOpTracerProvider

import infraprism
from infraprism import guard, semconv, settings
from infraprism.collector.ingest import logs
from infraprism.collector.ingest.calls import Call
from infraprism.collector.ingest.spans import read_request
from tests.support.calls import SCOPE, Answers, Recording, Wire, instrumented, settle, sse
from tests.support.exchanges import CHAT, CHUNK, MESSAGES, RESPONSE, USAGE

WHO: Any = {
    "session_id": "s-1",
    "entity_type": "customer",
    "entity_id": "acme",
    "tags": {"feature": "chat"},
}
SCENARIOS: dict[str, Callable[[], object]] = {}
MODEL: Any = {"model": "gpt-4o-mini", "temperature": 0.5}


def scenario(run: Callable[[], object]) -> Callable[[], object]:
    SCENARIOS[run.__name__] = run
    return run


@scenario
def whole() -> None:
    Wire(json.dumps(CHAT)).client().chat.completions.create(messages=MESSAGES, **MODEL, **WHO)


@scenario
def streamed() -> None:
    content = sse(CHUNK, {**CHUNK, "choices": [], "usage": USAGE}, "[DONE]")
    client = Wire(content, content_type="text/event-stream").client()
    list(client.chat.completions.create(messages=MESSAGES, stream=True, **MODEL, **WHO))


@scenario
def estimated() -> None:
    client = Wire(sse(CHUNK), content_type="text/event-stream").client()
    list(client.chat.completions.create(messages=MESSAGES, stream=True, **MODEL, **WHO))


@scenario
def refused() -> None:
    with pytest.raises(openai.BadRequestError):
        Wire("{}", status=400).client().chat.completions.create(messages=MESSAGES, **MODEL)


@scenario
def unpriced() -> None:
    client = Wire(json.dumps({**CHAT, "model": "nobody-knows"})).client()
    client.chat.completions.create(messages=MESSAGES, **MODEL)


@scenario
def inside_of_a_span() -> None:
    with infraprism.session("s-1", mode="nest"):
        whole()


@scenario
def fetched_later() -> None:
    body = {**RESPONSE, "background": True}
    states = ({**body, "status": "queued", "usage": None}, {**body, "status": "completed"})
    client = Answers(*map(json.dumps, states)).client()
    # As one asks where the client does not know the argument.
    client.responses.create(input="Hi", extra_body={"background": True}, **MODEL, **WHO)
    client.responses.retrieve(RESPONSE["id"])


@scenario
def of_a_batch() -> None:
    line = {"id": "r-1", "custom_id": "mine", "response": {"status_code": 200, "body": CHAT}, "error": None}
    Wire(json.dumps(line)).client().files.content("file-1", **WHO)
    settle()


def rows_of_events(recording: Recording) -> list[Call]:
    batch = logs.read_request(encode_logs(recording.logs.get_finished_logs()))
    assert (batch.ignored, batch.rejected, batch.values_dropped) == ({}, {}, {})
    return batch.calls


def rows_of_spans(spans: Any) -> list[Call]:
    batch = read_request(encode_spans(spans))
    assert (batch.rejected, batch.values_dropped) == ({}, {})
    return batch.calls


def timeless(call: Call) -> Call:
    """A call without what is measured."""
    rest = {**json.loads(call.attributes), "gen_ai.response.time_to_first_chunk": 0}
    assert call.started_at <= call.ended_at
    return call._replace(started_at=0, ended_at=0, attributes=json.dumps(rest))


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_event_is_the_row_that_the_span_would_have_been(name: str) -> None:
    with instrumented(Recording()) as sampled:
        SCENARIOS[name]()
    with instrumented(Recording(sampler=ParentBased(ALWAYS_OFF))) as unsampled:
        SCENARIOS[name]()
        assert guard.dropped() == {}
    expected = [timeless(call) for call in rows_of_spans(sampled.exporter.get_finished_spans())]

    assert len(expected) == (2 if name == "fetched_later" else 1)
    assert [timeless(call) for call in rows_of_events(unsampled)] == expected
    assert (unsampled.spans, sampled.logs.get_finished_logs()) == ([], ())
    assert unsampled.metrics().keys() == sampled.metrics().keys()


class OnlyRecording(Sampler):
    """Has spans recorded, for the processors, and not exported."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY, kwargs.get("attributes") or args[4])

    def get_description(self) -> str:
        return "OnlyRecording"


class Ended(SpanProcessor):
    """Keeps all that ends, sampled or not."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(semconv.SETTING_CAPTURE_CONTENT, "SPAN_ONLY")
    settings.current.cache_clear()
    yield
    monkeypatch.undo()
    settings.current.cache_clear()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_span_that_is_only_recorded_and_its_event_are_one_call(name: str) -> None:
    ended = Ended()
    recording = Recording(sampler=OnlyRecording())
    recording.tracer_provider.add_span_processor(ended)
    with instrumented(recording):
        SCENARIOS[name]()

    assert rows_of_events(recording) == rows_of_spans(ended.spans) != []


def test_what_is_said_is_never_in_an_event(content: None) -> None:
    ended = Ended()
    recording = Recording(sampler=OnlyRecording())
    recording.tracer_provider.add_span_processor(ended)
    with instrumented(recording):
        whole()

    (record,) = recording.logs.get_finished_logs()
    said = {"gen_ai.input.messages", "gen_ai.output.messages"}
    assert said & set(ended.spans[0].attributes or ()) == said
    assert [name for name in record.log_record.attributes or () if "messages" in name] == []


def test_what_an_event_is() -> None:
    recording = Recording(sampler=ALWAYS_OFF)
    with instrumented(recording):
        whole()

    (event,) = recording.logs.get_finished_logs()
    record, scope = event.log_record, event.instrumentation_scope
    attributes = dict(record.attributes or {})
    assert (record.event_name, record.severity_number, record.body) == (
        "infraprism.call",
        _logs.SeverityNumber.INFO,
        None,
    )
    assert scope is not None
    assert {"name": scope.name, "version": scope.version, "schema_url": scope.schema_url} == SCOPE
    assert record.trace_flags == trace.TraceFlags.DEFAULT
    assert attributes["infraprism.call.name"] == "chat gpt-4o-mini"
    assert "infraprism.call.parent_span_id" not in attributes
    assert record.timestamp is not None
    assert attributes["infraprism.call.started_at"] < record.timestamp
    assert attributes["infraprism.cost.amount"] == "0.0000045"


def test_they_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRAPRISM_UNSAMPLED_EVENTS", "false")
    settings.current.cache_clear()
    recordings = [Recording(sampler=sampler) for sampler in (ALWAYS_OFF, OnlyRecording())]
    try:
        for recording in recordings:
            with instrumented(recording):
                whole()
                assert guard.dropped() == {}
    finally:
        monkeypatch.undo()
        settings.current.cache_clear()
    assert [recording.logs.get_finished_logs() for recording in recordings] == [(), ()]


@pytest.mark.parametrize("provider", [None, NoOpLoggerProvider(), LoggerProvider(shutdown_on_exit=False)])
def test_where_nothing_takes_them_that_is_counted_and_quietly_said_once(
    provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    recording = Recording(sampler=ALWAYS_OFF)
    recording.logger_provider = provider
    with caplog.at_level(logging.DEBUG, "infraprism"), instrumented(recording):
        whole()
        whole()
        assert guard.dropped() == {"unsampled_not_sent": 2}
        assert recording.metrics()["infraprism.dropped"] == [({"reason": "unsampled_not_sent"}, 2)]
    assert [(level, message.split(" (")[0]) for _, level, message in caplog.record_tuples] == [
        (logging.INFO, "infraprism: unsampled_not_sent")
    ]


def test_the_global_logger_provider_is_used_once_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(sampler=ALWAYS_OFF)
    provider, recording.logger_provider = recording.logger_provider, None  # type: ignore[assignment]
    with instrumented(recording):
        whole()
        monkeypatch.setattr(logs_api, "_LOGGER_PROVIDER", provider)
        whole()
        assert guard.dropped() == {"unsampled_not_sent": 1}
    assert len(rows_of_events(recording)) == 1


def test_a_batch_of_any_size_goes_through_a_queue_of_logs() -> None:
    recording = Recording(sampler=ALWAYS_OFF)
    recording.logger_provider = LoggerProvider(shutdown_on_exit=False)
    queue = BatchLogRecordProcessor(recording.logs, 3_600_000, 600, max_queue_size=600)
    recording.logger_provider.add_log_record_processor(queue)
    lines = (
        {
            "id": f"r-{number}",
            "custom_id": f"mine-{number}",
            "response": {"status_code": 200, "body": {**CHAT, "id": f"c-{number}"}},
        }
        for number in range(2000)
    )
    with instrumented(recording):
        Wire("\n".join(map(json.dumps, lines))).client().files.content("file-1", **WHO)
        settle()

    rows = rows_of_events(recording)
    assert [json.loads(row.attributes)["gen_ai.response.id"] for row in rows] == [
        f"c-{number}" for number in range(2000)
    ]
    assert len({row.span_id for row in rows}) == 2000
    recording.logger_provider.shutdown()


class Broken(LogRecordProcessor):
    def on_emit(self, log_record: Any) -> None:
        raise RuntimeError("no")

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def test_a_processor_that_fails_is_kept_from_the_call() -> None:
    recording = Recording(sampler=ALWAYS_OFF)
    recording.logger_provider = LoggerProvider(shutdown_on_exit=False)
    recording.logger_provider.add_log_record_processor(Broken())
    with instrumented(recording):
        client: OpenAI = Wire(json.dumps(CHAT)).client()
        answer = client.chat.completions.create(messages=MESSAGES, **MODEL)
        assert (answer.id, guard.dropped()) == (CHAT["id"], {"telemetry_error": 1})


def test_where_tracing_is_off_there_is_nothing_to_send() -> None:
    recording = Recording()
    recording.tracer_provider = NoOpTracerProvider()  # type: ignore[assignment]
    parent = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True))
    with instrumented(recording):
        whole()
        with trace.use_span(parent):
            whole()
        assert guard.dropped() == {}
    assert recording.logs.get_finished_logs() == ()
