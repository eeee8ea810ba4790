"""What a call of ours starts with: seen by samplers and processors, as if the SDK had put it there."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, Sampler, SamplingResult

from infraprism import guard
from infraprism.sessions import starting
from infraprism.tracing.attach import connect
from tests.support.spans import Exported

KNOWN = {"gen_ai.operation.name": "chat", "gen_ai.request.stop_sequences": ("a", "b"), "server.port": 443}


class Asked(Sampler):
    """Notes what it is asked, and answers as `answer` does."""

    def __init__(self, answer):
        self.seen, self._answer = [], answer

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
        self.seen.append(dict(attributes))
        return self._answer(attributes)

    def get_description(self):
        return "Asked"


class Seen(SpanProcessor):
    """Notes the attributes that spans start with."""

    def __init__(self):
        self.seen = []

    def on_start(self, span, parent_context=None):
        self.seen.append(dict(span.attributes))


def as_is(attributes):
    return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)


class Scene:
    """A tracer of ours, and a processor that was there before."""

    def __init__(self, sampler=ALWAYS_ON, **options):
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False, **options)
        self.seen, self.exported = Seen(), Exported()
        self.provider.add_span_processor(self.seen)
        self.connection = connect(self.provider, own_export=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exported))

    def start(self, name="call", known=KNOWN):
        starting.attributes = known
        try:
            return self.connection.tracer.start_span(name, attributes=known)
        finally:
            starting.attributes = None


def test_the_sampler_and_every_processor_see_it():
    sampler = Asked(as_is)
    scene = Scene(sampler)
    scene.start().end()
    assert (sampler.seen, scene.seen.seen, scene.exported.attributes()) == ([KNOWN], [KNOWN], {"call": KNOWN})


def test_it_is_not_copied_by_reference():
    """What is written on the span later is not on the next one's."""
    scene = Scene()
    known = dict(KNOWN)
    span = scene.start(known=known)
    span.set_attribute("later", 1)
    span.end()
    assert known == KNOWN


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (lambda known: {**known, "sampler.rate": 0.5}, {**KNOWN, "sampler.rate": 0.5}),
        (lambda known: {"server.port": 443}, {"server.port": 443}),
        (lambda known: None, {}),
    ],
    ids=["more", "less", "nothing"],
)
def test_what_the_sampler_makes_of_it_counts(changed, expected):
    scene = Scene(Asked(lambda known: SamplingResult(Decision.RECORD_AND_SAMPLE, changed(known))))
    scene.start().end()
    assert (scene.seen.seen, scene.exported.attributes()) == ([expected], {"call": expected})


def test_a_result_that_the_sampler_keeps_is_left_alone():
    result = as_is(KNOWN)
    scene = Scene(Asked(lambda known: result))
    scene.start("first").end()
    scene.start("second").end()
    assert scene.exported.attributes() == {"first": KNOWN, "second": KNOWN}
    assert result.attributes == KNOWN


def test_a_call_that_the_sampler_or_a_processor_makes_is_another_one():
    inner = {"gen_ai.operation.name": "embeddings"}
    calls = iter(["in the sampler", "in the processor"])
    scene = Scene(Asked(lambda known: another() or as_is(known)))

    def another():
        name = next(calls, None)
        if name is not None:
            scene.start(name, inner).end()

    scene.seen.on_start = lambda span, parent_context=None: another()
    scene.start("outer").end()
    assert scene.exported.attributes() == {
        "in the sampler": inner, "in the processor": inner, "outer": KNOWN
    }  # fmt: skip


def test_what_is_not_sampled_leaves_nothing_behind():
    scene = Scene(ALWAYS_OFF)
    assert not scene.start().is_recording()
    scene.connection.tracer.sampler = ALWAYS_ON
    scene.connection.tracer.start_span("next").end()
    assert scene.exported.attributes() == {"next": {}}


def test_limits_of_the_span_apply():
    scene = Scene(span_limits=SpanLimits(max_span_attributes=2, max_span_attribute_length=3))
    scene.start().end()
    assert scene.exported.attributes() == {
        "call": {"gen_ai.request.stop_sequences": ("a", "b"), "server.port": 443}
    }


def test_a_tracer_is_made_ready_once():
    scene = Scene()
    again = connect(scene.provider, own_export=False).tracer
    again.start_span("plain", attributes=KNOWN).end()
    assert scene.exported.attributes() == {"plain": KNOWN}
    assert guard.dropped().get("telemetry_error", 0) == 0
