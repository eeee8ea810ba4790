"""How a tracer provider is made ready, and what of it is left alone."""

from collections import Counter

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import (
    ConcurrentMultiSpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, TraceFlags

from infraprism import __version__
from infraprism.sessions import identify, starting, trace_id_of
from infraprism.tracing import SessionCostProcessor, SessionIdGenerator, connect, process_ledger, standalone
from infraprism.tracing.bag import write
from tests.support.spans import recording

CHAT = {"gen_ai.operation.name": "chat"}


def processors(provider):
    return [type(processor).__name__ for processor in provider._active_span_processor._span_processors]


def start(tracer, session_id=None, **options):
    """Start a span as the instrumentation does: a root span takes the trace of its session."""
    starting.trace_id = trace_id_of(identify(session_id))
    try:
        return tracer.start_span("chat", **options)
    finally:
        starting.trace_id = None


def test_a_connection_is_what_the_instrumentation_needs():
    provider, exported = recording()
    connection = connect(provider, own_export=False)
    start(connection.tracer).end()
    assert [span["scope"] for span in exported.spans] == ["infraprism.openai"]
    scope = connection.tracer._instrumentation_scope
    assert (scope.version, scope.schema_url) == (__version__, "https://opentelemetry.io/schemas/1.37.0")
    assert (connection.ledger, connection.write) == (process_ledger, write)


@pytest.mark.parametrize("active", [SynchronousMultiSpanProcessor, ConcurrentMultiSpanProcessor])
def test_connecting_again_changes_nothing(active):
    provider = TracerProvider(active_span_processor=active(), shutdown_on_exit=False)
    first = connect(provider, own_export=False)
    generator = first.tracer.id_generator
    second = connect(provider, own_export=True)
    assert processors(provider) == ["SessionCostProcessor"]
    assert isinstance(second.tracer.id_generator, SessionIdGenerator)
    assert not isinstance(second.tracer.id_generator._inner, SessionIdGenerator)
    assert isinstance(generator._inner, RandomIdGenerator)


def test_a_processor_that_the_application_added_itself_is_enough():
    provider, _ = recording(SessionCostProcessor())
    connect(provider, own_export=False)
    assert processors(provider) == ["SessionCostProcessor", "SimpleSpanProcessor"]


def test_exporters_that_are_there_already_see_what_ours_writes():
    provider, exported = recording()
    ours = connect(provider, own_export=False).tracer.start_span("ours", attributes=CHAT)
    with trace.use_span(ours, end_on_exit=True):
        provider.get_tracer("another").start_span("theirs", attributes=CHAT).end()
    mark = format(ours.get_span_context().span_id, "016x")
    assert exported.attributes() == {
        "ours": CHAT,
        "theirs": {**CHAT, "infraprism.cost.counted_in": mark},
    }


def test_root_spans_of_a_session_share_its_trace():
    provider, exported = recording()
    tracer = connect(provider, own_export=False).tracer
    for session_id in ("conv-1", "conv-1", "conv-2", None):
        start(tracer, session_id).end()
    assert [(span["trace_id"], span["parent_id"]) for span in exported.spans] == [
        (trace_id_of(identify("conv-1")), None),
        (trace_id_of(identify("conv-1")), None),
        (trace_id_of(identify("conv-2")), None),
        (1, None),  # the application's own generator, counting
    ]


@pytest.mark.skipif(not hasattr(TraceFlags, "RANDOM_TRACE_ID"), reason="this SDK has no such flag")
def test_a_hashed_trace_id_does_not_claim_to_be_random():
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = connect(provider, own_export=False).tracer
    hashed, random = start(tracer, "conv-1").get_span_context(), start(tracer).get_span_context()
    assert hashed.trace_id == trace_id_of(identify("conv-1"))
    assert not hashed.trace_flags & TraceFlags.RANDOM_TRACE_ID
    assert random.trace_flags & TraceFlags.RANDOM_TRACE_ID


def test_a_span_with_a_parent_stays_in_its_trace():
    provider, exported = recording()
    tracer = connect(provider, own_export=False).tracer
    with provider.get_tracer("the application").start_as_current_span("request"):
        start(tracer, "conv-1").end()
    assert [(span["name"], span["trace_id"], span["parent_id"]) for span in exported.spans] == [
        ("chat", 1, 1),
        ("request", 1, None),
    ]


def test_the_ids_of_other_tracers_are_not_touched():
    provider, exported = recording()
    before = provider.get_tracer("before")
    connect(provider, own_export=False)
    for tracer in (before, provider.get_tracer("after"), provider.get_tracer("infraprism.another")):
        start(tracer, "conv-1").end()
    assert [span["trace_id"] for span in exported.spans] == [1, 2, 3]
    assert not isinstance(provider.id_generator, SessionIdGenerator)


def test_the_applications_sampler_keeps_or_drops_whole_sessions():
    provider, exported = recording(sampler=TraceIdRatioBased(0.1))
    tracer = connect(provider, own_export=False).tracer
    for _ in range(3):
        for number in range(1000):
            start(tracer, f"conv-{number}").end()
    spans_of = Counter(span["trace_id"] for span in exported.spans)
    assert set(spans_of.values()) == {3}
    assert 70 <= len(spans_of) <= 130


def test_a_generator_that_is_not_the_sdks_is_left_alone():
    class Plain:
        def generate_trace_id(self):
            return 7

        def generate_span_id(self):
            return 8

        def is_trace_id_random(self):
            return False

    plain = Plain()
    provider, _ = recording(id_generator=plain)
    tracer = connect(provider, own_export=False).tracer
    assert tracer.id_generator is plain
    assert start(tracer, "conv-1").get_span_context().trace_id == 7


@pytest.mark.parametrize("provider", [NoOpTracerProvider(), ProxyTracerProvider()], ids=["none", "not yet"])
def test_a_provider_that_is_not_the_sdks_is_used_as_it_is(provider):
    connection = connect(provider, own_export=False)
    span = start(connection.tracer, "conv-1")
    connection.write(span, {"infraprism.session.cost": "0.0075"})
    span.end()
    assert not span.is_recording()


def test_a_switched_off_sdk_stays_off(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    provider, exported = recording()
    start(connect(provider, own_export=False).tracer, "conv-1").end()
    assert exported.spans == []


def test_without_a_provider_of_the_applications_there_is_one_for_our_spans_only(monkeypatch):
    own, exported = recording()
    monkeypatch.setattr(standalone, "provider", lambda: own)
    before = trace.get_tracer_provider()
    start(connect(ProxyTracerProvider(), own_export=True).tracer, "conv-1").end()
    assert [span["trace_id"] for span in exported.spans] == [trace_id_of(identify("conv-1"))]
    assert trace.get_tracer_provider() is before


def test_a_provider_of_the_applications_is_never_exchanged(monkeypatch):
    monkeypatch.setattr(standalone, "provider", lambda: pytest.fail("there is one already"))
    provider, exported = recording()
    start(connect(provider, own_export=True).tracer).end()
    assert len(exported.spans) == 1


def test_without_any_provider_nothing_is_recorded(monkeypatch):
    monkeypatch.setattr(standalone, "provider", lambda: None)
    assert not start(connect(ProxyTracerProvider(), own_export=True).tracer, "conv-1").is_recording()
