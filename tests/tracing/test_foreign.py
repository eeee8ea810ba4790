"""Spans of other instrumentations that speak of a call of ours are marked, so that it is counted once."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from infraprism import guard, semconv
from infraprism.sessions.recent import Recent
from infraprism.tracing import Ledger, SessionCostProcessor, Totals, foreign, places
from tests.support.spans import recording
from tests.support.versions import ENDING_IS_TOLD

OURS = {"gen_ai.operation.name": "chat"}
EMBEDDINGS = {"gen_ai.operation.name": "embeddings"}

#: What each peer writes on the span of a chat, cut down to what tells that it is one.
PEERS = {
    "OpenTelemetry": {"gen_ai.operation.name": "chat"},
    "OpenTelemetry, completions": {"gen_ai.operation.name": "text_completion"},
    "OpenTelemetry, Gemini": {"gen_ai.operation.name": "generate_content"},
    "OpenLLMetry": {"gen_ai.operation.name": "chat", "llm.request.type": "chat"},
    "OpenLLMetry, before": {"llm.request.type": "chat"},
    "OpenLLMetry, before, completions": {"llm.request.type": "completion"},
    "OpenInference": {"openinference.span.kind": "LLM"},
    "Logfire": {"gen_ai.operation.name": "chat", "logfire.span_type": "span"},
    "a gateway that prices": {"infraprism.cost.status": "priced", "infraprism.cost.amount": "1"},
}
peers = pytest.mark.parametrize("theirs", PEERS.values(), ids=PEERS)

#: Spans that are no model calls, of the same peers.
OTHERS = {
    "an agent": {"gen_ai.operation.name": "invoke_agent"},
    "an agent that both name": {
        "gen_ai.operation.name": "invoke_agent",
        "openinference.span.kind": "LLM",
    },
    "a tool": {"gen_ai.operation.name": "execute_tool"},
    "OpenInference, an agent": {"openinference.span.kind": "AGENT"},
    "OpenLLMetry, a reranking": {"llm.request.type": "rerank"},
    "nonsense": {"gen_ai.operation.name": ["chat"]},
    "HTTP": {"http.request.method": "POST"},
}
others = pytest.mark.parametrize("theirs", OTHERS.values(), ids=OTHERS)
written = pytest.mark.parametrize("late", [False, True], ids=["at the start", "before the end"])


class Scene:
    """Spans of ours and of others, on one tracer provider with the processor."""

    def __init__(self, **options):
        self.ledger = Ledger()
        self.provider, self.exported = recording(SessionCostProcessor(self.ledger), **options)

    def ours(self, context=None, attributes=OURS):
        return self.provider.get_tracer(semconv.SCOPE).start_span("ours", context, attributes=attributes)

    def theirs(self, name="theirs", context=None, attributes=None):
        return self.provider.get_tracer("another").start_span(name, context, attributes=attributes)

    @contextmanager
    def around(self, span):
        with trace.use_span(span, end_on_exit=False):
            yield

    def marks(self):
        """The mark of each span, by its name."""
        return {name: a.get("infraprism.cost.counted_in") for name, a in self.exported.attributes().items()}


def span_id(span):
    return format(span.get_span_context().span_id, "016x")


def start(scene, attributes, late):
    if not late:
        return scene.theirs(attributes=attributes)
    span = scene.theirs()
    span.set_attributes(attributes)
    return span


@peers
@written
@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_their_wrapper_outside_of_ours(theirs, late, first):
    """The one that ends first may be either: streams are read, and given back, in any order."""
    scene = Scene()
    outer = start(scene, theirs, late)
    with scene.around(outer):
        ours = scene.ours()
    for span in (outer, ours) if first == "theirs" else (ours, outer):
        span.end()
    assert scene.exported.attributes() == {
        "theirs": {**theirs, "infraprism.cost.counted_in": span_id(ours)},
        "ours": OURS,
    }


@peers
@written
@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_their_wrapper_inside_of_ours(theirs, late, first):
    scene = Scene()
    ours = scene.ours()
    with scene.around(ours):
        inner = start(scene, theirs, late)
    for span in (inner, ours) if first == "theirs" else (ours, inner):
        span.end()
    assert scene.exported.attributes() == {
        "theirs": {**theirs, "infraprism.cost.counted_in": span_id(ours)},
        "ours": OURS,
    }


@others
def test_what_is_no_model_call_is_left_alone(theirs):
    scene = Scene()
    outer = scene.theirs("outer", attributes=theirs)
    with scene.around(outer):
        ours = scene.ours()
        with scene.around(ours):
            scene.theirs("inner", attributes=theirs).end()
        ours.end()
    outer.end()
    assert scene.marks() == {"inner": None, "ours": None, "outer": None}


@peers
def test_a_model_call_of_theirs_alone_is_left_alone(theirs):
    """Beside one of ours, before and after it, and below the same parent."""
    scene = Scene()
    with scene.around(scene.theirs("request")):
        scene.theirs("before", attributes=theirs).end()
        scene.ours().end()
        scene.theirs("after", attributes=theirs).end()
    assert scene.marks() == {"before": None, "ours": None, "after": None}


def test_spans_in_between_hide_nothing():
    scene = Scene()
    framework = scene.theirs("framework", attributes=PEERS["OpenTelemetry"])
    with scene.around(framework), scene.around(scene.theirs("step")):
        wrapper = scene.theirs("wrapper", attributes=PEERS["OpenInference"])
        with scene.around(wrapper):
            ours = scene.ours()
        with scene.around(ours):
            http = scene.theirs("HTTP")
        with scene.around(http):
            scene.theirs("inner", attributes=PEERS["OpenLLMetry"]).end()
        for span in (http, ours, wrapper, framework):
            span.end()
    mark = span_id(ours)
    assert scene.marks() == {
        "inner": mark, "HTTP": None, "ours": None, "wrapper": mark, "framework": mark
    }  # fmt: skip


def test_what_a_span_encloses_says_nothing_of_its_other_children():
    """A framework asks one model through our client and another through its own."""
    scene = Scene()
    agent = scene.theirs("framework", attributes=PEERS["OpenTelemetry"])
    with scene.around(agent):
        first, second = scene.ours(), scene.ours()
        first.end()
        second.end()
        scene.theirs("another model", attributes=PEERS["OpenTelemetry"]).end()
    agent.end()
    assert scene.marks() == {"ours": None, "another model": None, "framework": span_id(first)}


@pytest.mark.parametrize(
    "theirs",
    [EMBEDDINGS, {"llm.request.type": "embedding"}, {"openinference.span.kind": "EMBEDDING"}],
    ids=str,
)
def test_embeddings_are_counted_once_too(theirs):
    scene = Scene()
    outer = scene.theirs(attributes=theirs)
    with scene.around(outer):
        ours = scene.ours(attributes=EMBEDDINGS)
    ours.end()
    outer.end()
    assert scene.marks() == {"ours": None, "theirs": span_id(ours)}


def test_a_reply_that_a_text_was_embedded_for_is_a_call_of_its_own():
    """A model that our client does not know is asked after a look-up: its money is not the embedding's."""
    scene = Scene()
    outer = scene.theirs(attributes=PEERS["OpenTelemetry"])
    with scene.around(outer):
        scene.ours(attributes=EMBEDDINGS).end()
    outer.end()
    assert scene.marks() == {"ours": None, "theirs": None}
    both = Scene()
    outer = both.theirs(attributes=PEERS["OpenTelemetry"])
    with both.around(outer):
        both.ours(attributes=EMBEDDINGS).end()
        chat = both.ours()
        chat.end()
    outer.end()
    assert both.marks()["theirs"] == span_id(chat)


# Spans that are not nested


def answered(response_id):
    return {**OURS, "gen_ai.response.id": response_id}


def test_a_span_that_is_started_afterwards_is_known_by_the_response():
    """OpenLLMetry starts the span of `responses.create` when it has ended, with the time of its beginning."""
    scene = Scene()
    ours = scene.ours(attributes=answered("resp_afterwards"))
    ours.end()
    theirs = scene.provider.get_tracer("another").start_span(
        "theirs", attributes=answered("resp_afterwards"), start_time=ours.start_time
    )
    theirs.end()
    assert scene.marks() == {"ours": None, "theirs": span_id(ours)}


@pytest.mark.parametrize("response_id", ["resp_1", "resp_2", None])
def test_a_response_of_that_name_later_is_another_one(response_id):
    """Some servers count from 1 again; and what has no id is no response of ours."""
    scene = Scene()
    scene.ours(attributes=answered("resp_1")).end()
    attributes = OURS if response_id is None else answered(response_id)
    scene.theirs(attributes=attributes).end()
    assert scene.marks() == {"ours": None, "theirs": None}


def test_what_another_thread_is_about_to_remember_is_waited_for(monkeypatch):
    class Slow(Recent):
        def note(self, key, value):
            begun.set()
            time.sleep(0.2)
            super().note(key, value)

    begun = threading.Event()
    monkeypatch.setattr(foreign, "_answered", Slow(10))
    scene = Scene()
    theirs, another = scene.theirs(attributes=answered("resp_1")), scene.theirs("another", attributes=OURS)
    ours = scene.ours(attributes=answered("resp_1"))
    ours.end()
    thread = threading.Thread(target=another.end)
    thread.start()
    assert begun.wait(10)
    theirs.end()
    thread.join()
    assert scene.marks() == {"ours": None, "another": None, "theirs": span_id(ours)}


def test_responses_are_remembered_for_a_while(monkeypatch):
    monkeypatch.setattr(foreign, "_answered", Recent(10))
    scene = Scene()
    theirs = [scene.theirs(str(number), attributes=answered(f"resp_{number}")) for number in range(100)]
    for number in range(100):
        scene.ours(attributes=answered(f"resp_{number}")).end()
    for span in theirs:
        span.end()
    marked = [int(name) for name, mark in scene.marks().items() if mark is not None]
    assert marked == list(range(80, 100))


@pytest.mark.parametrize("between", [False, True], ids=["ours", "theirs inside of ours"])
def test_a_parent_that_is_known_by_its_id_only_is_enough(between):
    """Logfire reports the end of a stream in a context that it has read from a header."""
    scene = Scene()
    ours = scene.ours()
    with scene.around(ours):
        parent = scene.theirs("HTTP") if between else ours
    known = parent.get_span_context()
    remote = SpanContext(known.trace_id, known.span_id, is_remote=True, trace_flags=TraceFlags(1))
    context = trace.set_span_in_context(NonRecordingSpan(remote))
    scene.theirs(context=context, attributes=PEERS["Logfire"]).end()
    ours.end()
    assert scene.marks() == {"theirs": span_id(ours), "ours": None}


@pytest.mark.skipif(not ENDING_IS_TOLD, reason="before SDK 1.40 ours must come before the exporters")
def test_processors_that_run_in_other_threads_mark_too():
    scene = Scene(active_span_processor=ConcurrentMultiSpanProcessor())
    outer = scene.theirs("outer", attributes=OURS)
    ours = scene.ours(trace.set_span_in_context(outer))
    with scene.around(ours):
        scene.theirs("inner", attributes=OURS).end()
    ours.end()
    outer.end()
    assert scene.marks() == {"inner": span_id(ours), "ours": None, "outer": span_id(ours)}


# Lives of spans


def test_a_parent_that_ended_before_hides_nothing_further_out():
    scene = Scene()
    framework = scene.theirs("framework", attributes=OURS)
    step = scene.theirs("step", trace.set_span_in_context(framework))
    wrapper = scene.theirs("wrapper", trace.set_span_in_context(step), OURS)
    step.end()
    ours = scene.ours(trace.set_span_in_context(wrapper))
    for span in (ours, wrapper, framework):
        span.end()
    assert scene.marks() == {
        "step": None, "ours": None, "wrapper": span_id(ours), "framework": span_id(ours)
    }  # fmt: skip


def test_spans_are_not_kept():
    scene = Scene(shutdown_on_exit=False)
    ended = []
    span = scene.theirs()
    for _ in range(50):
        inner = scene.theirs(context=trace.set_span_in_context(span))
        span.end()
        ended.append(weakref.ref(span))
        span = inner
    ours = scene.ours()
    ours.end()
    ended.append(weakref.ref(ours))
    del ours, inner
    gc.collect()
    assert [reference() for reference in ended] == [None] * 51


def test_tasks_that_outlive_each_others_spans_leave_no_chain():
    """A job that always starts the next one before its own span ends."""
    scene = Scene()
    span = scene.theirs()
    for _ in range(50):
        following = scene.theirs(context=trace.set_span_in_context(span))
        span.end()
        span = following
    length, place = 0, places.place_of(span)
    while place is not None:
        length, place = length + 1, place.outer
    assert length <= 3


class Only(Sampler):
    """Samples spans of one name."""

    def __init__(self, name):
        self._name = name

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):  # fmt: skip # noqa: E501
        sampled = name == self._name
        return SamplingResult(Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP, attributes)

    def get_description(self):
        return "Only"


def test_where_ours_is_not_sampled_theirs_is_the_one_there_is():
    scene = Scene(sampler=Only("theirs"))
    outer = scene.theirs(attributes=OURS)
    with scene.around(outer), scene.around(scene.ours()):
        pass
    outer.end()
    assert scene.marks() == {"theirs": None}


def test_where_theirs_is_not_sampled_ours_is_as_ever():
    scene = Scene(sampler=Only("ours"))
    outer = scene.theirs(attributes=OURS)
    with scene.around(outer):
        ours = scene.ours()
        with scene.around(ours):
            scene.theirs(attributes=OURS).end()
        ours.end()
    outer.end()
    assert scene.exported.attributes() == {"ours": OURS}


def test_a_span_without_context_is_a_root():
    scene = Scene()
    with scene.around(scene.ours()):
        scene.theirs(context=Context(), attributes=OURS).end()
    assert scene.marks() == {"theirs": None}


# What follows from a mark


def test_a_marked_span_adds_nothing_to_its_sessions_total():
    scene = Scene()
    priced = {**PEERS["a gateway that prices"], **OURS, "session.id": "conv-1"}
    with scene.around(scene.ours()):
        scene.theirs(attributes=priced).end()
    scene.theirs("alone", attributes=priced).end()
    assert scene.exported.attributes()["theirs"].keys() - priced.keys() == {"infraprism.cost.counted_in"}
    assert scene.ledger[(None, None, "conv-1")] == Totals(1, 1)


def test_two_processors_of_ours_agree():
    provider, exported = recording(SessionCostProcessor(Ledger()), SessionCostProcessor(Ledger()))
    ours = provider.get_tracer(semconv.SCOPE).start_span("ours", attributes=OURS)
    with trace.use_span(ours):
        provider.get_tracer("another").start_span("theirs", attributes=OURS).end()
    assert exported.attributes()["theirs"] == {**OURS, "infraprism.cost.counted_in": span_id(ours)}


def test_a_failure_of_ours_loses_the_mark_and_nothing_else(monkeypatch):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())
    monkeypatch.setattr(foreign, "write_late", lambda span, attributes: 1 / 0)
    scene = Scene()
    with scene.around(scene.ours()):
        scene.theirs(attributes=OURS).end()
    assert scene.exported.attributes() == {"theirs": OURS}
    assert guard.dropped() == {"telemetry_error": 1}
