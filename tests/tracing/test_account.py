"""Model calls that other instrumentations recorded: what they cost, counted once, on their spans."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from infraprism import guard, pricing, semconv, session
from infraprism.tracing import Ledger, SessionCostProcessor
from tests.openai.programs import run
from tests.support.prices import priced_by
from tests.support.spans import recording
from tests.support.versions import ENDING_IS_TOLD
from tests.test_dialects import DIALECTS

NOON = 1_795_608_000_000_000_000  # 2026-11-25
NEW_YEAR_2025 = 1_735_689_600_000_000_000
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 200,
    "gen_ai.usage.cache_read.input_tokens": 400,
}
#: 600 x 0.15 + 400 x 0.075 + 200 x 0.6, by the million.
COST = {
    "infraprism.cost.status": "priced",
    "infraprism.cost.amount": "0.00024",
    "gen_ai.usage.cost": 0.00024,
    "infraprism.cost.currency": "USD",
    "infraprism.cost.source": "local",
    "infraprism.cost.price_version": pricing.version(),
    "infraprism.cost.input": "0.00009",
    "infraprism.cost.cache_read": "0.00003",
    "infraprism.cost.output": "0.00012",
}
AGREED = '[[adjustments]]\nentity_type = "customer"\nentity_id = "acme"\npercent = "10"\n'
UNPRICED = {"infraprism.cost.status": "unpriced"}
SESSION = {"session.id": "s-1", "gen_ai.conversation.id": "s-1"}


class Scene:
    def __init__(self) -> None:
        self.ledger, self.reader = Ledger(), InMemoryMetricReader()
        processor = SessionCostProcessor(self.ledger, MeterProvider([self.reader], shutdown_on_exit=False))
        self.provider, self.exported = recording(processor)

    def start(self, name="theirs", attributes=CHAT, scope="another", context=None, at=NOON):
        tracer = self.provider.get_tracer(scope)
        return tracer.start_span(name, context, attributes=attributes, start_time=at)

    def told(self, attributes, **options):
        """What comes of one span with these attributes."""
        self.start(attributes=attributes, **options).end()
        return self.exported.spans[-1]["attributes"]

    def costs(self):
        """Amount of each span that carries money, and who counts the others."""
        found = {}
        for name, attributes in self.exported.attributes().items():
            found[name] = attributes.get("infraprism.cost.amount") or attributes.get(
                "infraprism.cost.counted_in"
            )
        return found

    def measured(self):
        """Dimensions and sum of each series of the metric of costs."""
        data = self.reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else ()
        return [
            (metric.name, metric.unit, dict(point.attributes), point.sum)
            for metric in metrics
            for point in metric.data.data_points
        ]


def totals(cost, turns):
    return {"infraprism.session.cost": cost, "infraprism.session.turns": turns}


def test_a_call_is_priced_and_added_to_its_session():
    scene = Scene()
    with session("s-1"):
        assert scene.told(CHAT) == {**CHAT, **SESSION, **COST, **totals("0.00024", 1)}
        assert scene.told(CHAT) == {**CHAT, **SESSION, **COST, **totals("0.00048", 2)}


def test_a_call_without_a_session_is_priced():
    assert Scene().told(CHAT) == {**CHAT, **COST}


@pytest.mark.parametrize("theirs", DIALECTS.values(), ids=DIALECTS)
def test_whatever_they_call_it(theirs):
    told = Scene().told({"openinference.span.kind": "LLM", **theirs})
    # 70 x 4.25 + 20 x 2.125 + 10 x 4.25 + 40 x 17, by the million: the list has no price of writing a cache.
    assert told["infraprism.cost.amount"] == "0.0010625"
    assert told["gen_ai.operation.name"] == "chat"


@pytest.mark.parametrize("late", [False, True], ids=["a status", "an error type"])
def test_an_error_without_usage_is_not_billed(late):
    scene = Scene()
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
    error = {"error.type": "RateLimitError"} if late else {}
    with session("s-1"):
        span = scene.start(attributes=asked | error)
        if not late:
            span.set_status(StatusCode.ERROR)
        span.end()
    assert scene.exported.attributes() == {"theirs": {**asked, **error, **SESSION}}


def test_an_error_with_usage_is_billed_and_no_turn():
    scene = Scene()
    with session("s-1"):
        span = scene.start()
        span.set_status(StatusCode.ERROR)
        span.end()
    assert scene.exported.attributes() == {"theirs": {**CHAT, **SESSION, **COST, **totals("0.00024", 0)}}


def test_a_response_that_is_still_to_come_is_not_billed_yet():
    asked = {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ("queued",)}
    assert Scene().told(asked) == asked


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}, id="no usage"),
        pytest.param({"gen_ai.response.model": "a model of one's own"}, id="no price"),
        pytest.param({"gen_ai.response.model": None}, id="no model"),
        pytest.param({"openai.response.service_tier": "a tier of one's own"}, id="no price of the tier"),
    ],
)
def test_what_has_no_price_is_marked_and_is_a_turn(changes):
    scene = Scene()
    asked = {name: value for name, value in (CHAT | changes).items() if value is not None}
    with session("s-1"):
        assert scene.told(asked) == {**asked, **SESSION, **UNPRICED, **totals("0", 1)}


def test_what_they_reckon_counts_only_where_we_have_no_price():
    scene = Scene()
    assert scene.told({**CHAT, "gen_ai.usage.cost": 9.0}) == {**CHAT, **COST}
    unknown = {**CHAT, "gen_ai.response.model": "a model of one's own"}
    assert scene.told({**unknown, "operation.cost": 0.25}) == {
        **unknown,
        "operation.cost": 0.25,
        "infraprism.cost.status": "estimated",
        "infraprism.cost.amount": "0.25",
        "gen_ai.usage.cost": 0.25,
        "infraprism.cost.currency": "USD",
        "infraprism.cost.source": "instrumentation",
        "infraprism.cost.reported": "0.25",
    }


def test_impossible_usage_is_counted_and_the_cost_an_estimate(monkeypatch):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())
    told = Scene().told({**CHAT, "gen_ai.usage.cache_read.input_tokens": 1001})
    assert (told["infraprism.cost.status"], told["infraprism.cost.amount"]) == ("estimated", "0.00027")
    assert guard.dropped() == {"invalid_usage": 1}


def test_the_users_own_prices_of_the_entity_hold():
    with priced_by(AGREED), session("s-1", entity_type="customer", entity_id="acme"):
        assert Scene().told(CHAT)["infraprism.cost.amount"] == "0.000264"


def test_its_own_conversation_is_its_session():
    """As the collector takes it."""
    told = Scene().told({**CHAT, "gen_ai.conversation.id": "theirs"})
    assert told == {**CHAT, "gen_ai.conversation.id": "theirs", **COST, **totals("0.00024", 1)}


def test_a_price_is_that_of_the_time_of_the_call():
    scene = Scene()
    told = [scene.told({**CHAT, "gen_ai.response.model": "o3"}, at=at) for at in (NEW_YEAR_2025, NOON)]
    assert told[0]["infraprism.cost.amount"] != told[1]["infraprism.cost.amount"]


# One call, several spans


@pytest.mark.parametrize("first", ["outer", "inner"])
@pytest.mark.parametrize("between", [False, True])
def test_of_a_call_that_two_record_the_first_to_end_carries_it(first, between):
    scene = Scene()
    outer = scene.start("outer")
    context = trace.set_span_in_context(outer)
    if between:
        context = trace.set_span_in_context(scene.start("between", {}, context=context))
    inner = scene.start("inner", context=context, scope="a third")
    spans = {"outer": outer, "inner": inner}
    for name in (first, "inner" if first == "outer" else "outer"):
        spans[name].end()
    other = "inner" if first == "outer" else "outer"
    carrying = format(spans[first].get_span_context().span_id, "016x")
    assert scene.costs() == {first: "0.00024", other: carrying}


def test_a_wrapper_that_tells_of_the_usage_carries_it():
    scene = Scene()
    outer = scene.start("outer")
    asked = {"gen_ai.operation.name": "chat"}
    scene.start("inner", asked, context=trace.set_span_in_context(outer)).end()
    outer.end()
    assert scene.costs() == {"inner": None, "outer": "0.00024"}


def test_an_embedding_within_a_reply_is_a_call_of_its_own():
    scene = Scene()
    outer = scene.start("outer")
    embedding = {
        **CHAT,
        "gen_ai.operation.name": "embeddings",
        "gen_ai.response.model": "text-embedding-3-small",
    }
    scene.start("inner", embedding, context=trace.set_span_in_context(outer)).end()
    outer.end()
    assert scene.costs() == {"inner": "0.00002", "outer": "0.00024"}


def test_one_response_is_one_call():
    scene = Scene()
    named = {**CHAT, "gen_ai.response.id": "chatcmpl-1"}
    first, second = scene.start("first", named), scene.start("second", named)
    first.end()
    second.end()
    assert scene.costs()["second"] == format(first.get_span_context().span_id, "016x")


def test_two_processors_price_a_call_once():
    ledger = Ledger()
    provider, exported = recording(SessionCostProcessor(ledger), SessionCostProcessor(ledger))
    with session("s-1"):
        provider.get_tracer("another").start_span("chat", attributes=CHAT, start_time=NOON).end()
    assert exported.attributes() == {"chat": {**CHAT, **SESSION, **COST, **totals("0.00024", 1)}}
    assert ledger[(None, None, "s-1")].turns == 1


def test_a_span_that_was_marked_elsewhere_is_left_alone():
    marked = {**CHAT, "infraprism.cost.counted_in": "0123456789abcdef"}
    assert Scene().told(marked) == marked


def test_a_span_whose_context_was_lost_has_the_session_of_its_parent():
    scene = Scene()
    with session("s-1"):
        parent = scene.start("parent", {})
    known = parent.get_span_context()
    remote = NonRecordingSpan(SpanContext(known.trace_id, known.span_id, True, TraceFlags(1)))
    scene.start(context=trace.set_span_in_context(remote, Context())).end()
    assert scene.exported.attributes() == {"theirs": {**CHAT, **SESSION, **COST, **totals("0.00024", 1)}}


@pytest.mark.skipif(not ENDING_IS_TOLD, reason="before SDK 1.40 ours must come first")
def test_a_processor_that_came_after_the_span_began_still_prices_it():
    ledger = Ledger()
    provider, exported = recording()
    span = provider.get_tracer("another").start_span("chat", attributes=CHAT, start_time=NOON)
    provider.add_span_processor(SessionCostProcessor(ledger))
    span.end()
    assert exported.attributes() == {"chat": {**CHAT, **COST}}


def test_ours_is_never_priced_again():
    scene = Scene()
    assert scene.told(CHAT, scope=semconv.SCOPE) == CHAT


def test_the_prices_that_the_environment_names_hold_without_our_instrumentation(tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text(AGREED)
    program = """
    from infraprism import SessionCostProcessor, session
    provider, exporter = exporting()
    provider.add_span_processor(SessionCostProcessor())
    with session("s-1", entity_type="customer", entity_id="acme"):
        provider.get_tracer("another").start_span("chat", attributes=json.loads(os.environ["CHAT"])).end()
    report(told=summary(exporter), loaded="openai" in sys.modules)
    """
    found, _ = run(program, CHAT=json.dumps(CHAT), INFRAPRISM_PRICES=str(prices))
    assert found == {"told": [["s-1", "0.000264", "0.000264"]], "loaded": False}


# The metric of costs


def test_what_is_priced_is_measured_with_the_dimensions_of_our_own():
    scene = Scene()
    with session("s-1", entity_type="customer", entity_id="acme", tags={"feature": "chat"}):
        scene.told({**CHAT, "gen_ai.request.model": "gpt-4o-mini-latest"})
    scene.told({**CHAT, "gen_ai.operation.name": "embeddings", "gen_ai.response.model": "gpt-4o"})
    assert scene.measured() == [
        (
            "gen_ai.client.operation.cost",
            "USD",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini-latest",
                "infraprism.cost.currency": "USD",
                "infraprism.cost.source": "local",
                "infraprism.entity.type": "customer",
            },
            0.00024,
        ),
        (
            "gen_ai.client.operation.cost",
            "USD",
            {
                "gen_ai.operation.name": "embeddings",
                "gen_ai.provider.name": "openai",
                "infraprism.cost.currency": "USD",
                "infraprism.cost.source": "local",
            },
            0.004,
        ),
    ]


def test_a_call_is_not_measured_twice_nor_without_an_amount():
    scene = Scene()
    outer = scene.start("ours", scope=semconv.SCOPE)
    scene.start("theirs", context=trace.set_span_in_context(outer)).end()
    outer.end()
    scene.told({**CHAT, **COST})  # whoever priced it has measured it
    scene.told({**CHAT, "gen_ai.response.model": "nobody-knows-it"})
    assert scene.measured() == []
