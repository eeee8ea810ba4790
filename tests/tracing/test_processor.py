"""Sessions on every span, and the calls of other instrumentations in the running totals."""

from decimal import Decimal

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import (
    ConcurrentMultiSpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import StatusCode

from infraprism import guard, semconv, session
from infraprism.tracing import Ledger, SessionCostProcessor, Totals, process_ledger
from tests.support.spans import Exported, recording
from tests.support.versions import ENDING_IS_TOLD

CONV_1 = {"session.id": "conv-1", "gen_ai.conversation.id": "conv-1"}
ACME = ("customer", "acme", "conv-1")


def call(amount="0.0075", **changes):
    """The attributes of a call as another instrumentation, that knows our names, records it."""
    attributes = {
        "session.id": "conv-1",
        "infraprism.entity.type": "customer",
        "infraprism.entity.id": "acme",
        "gen_ai.operation.name": "chat",
        "infraprism.cost.status": "priced",
        "infraprism.cost.amount": amount,
    }
    attributes.update({key.replace("__", "."): value for key, value in changes.items()})
    return {key: value for key, value in attributes.items() if value is not None}


def totals(cost, turns):
    return {"infraprism.session.cost": cost, "infraprism.session.turns": turns}


# Whose a span is


def test_every_span_of_a_session_carries_it():
    provider, exported = recording(SessionCostProcessor(Ledger()))
    tracer = provider.get_tracer("another instrumentation")
    with (
        session("conv-1", entity_type="customer", entity_id="acme", tags={"feature": "chat"}),
        tracer.start_as_current_span("tool", attributes={"own": 1}),
    ):
        tracer.start_span("HTTP request").end()
    tracer.start_span("outside").end()
    whose = {
        **CONV_1,
        "infraprism.entity.type": "customer",
        "infraprism.entity.id": "acme",
        "infraprism.tag.feature": "chat",
    }
    assert exported.attributes() == {"HTTP request": whose, "tool": {"own": 1, **whose}, "outside": {}}


def test_the_context_that_a_span_is_given_counts():
    provider, exported = recording(SessionCostProcessor(Ledger()))
    tracer = provider.get_tracer("another instrumentation")
    with session("conv-1"):
        context = otel_context.get_current()
    with session("conv-2"):
        tracer.start_span("in the first", context=context).end()
        tracer.start_span("in none", context=otel_context.Context()).end()
    assert exported.attributes() == {"in the first": CONV_1, "in none": {}}


def test_processors_that_run_in_other_threads_need_to_be_given_the_context():
    """The SDK tells a processor the context only where the span was started with one."""
    provider, exported = recording(
        SessionCostProcessor(Ledger()), active_span_processor=ConcurrentMultiSpanProcessor()
    )
    tracer = provider.get_tracer("another instrumentation")
    with session("conv-1"):
        tracer.start_span("given", context=otel_context.get_current()).end()
        tracer.start_span("not given").end()
    assert exported.attributes() == {"given": CONV_1, "not given": {}}


ITS_SESSION = {"session.id": "conv-1", "gen_ai.conversation.id": "conv-1"}
ITS_ENTITY = {"infraprism.entity.type": "user", "infraprism.entity.id": "7", "user.id": "7"}


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ({"session.id": "own"}, ITS_ENTITY),
        ({"gen_ai.conversation.id": "own"}, {"session.id": "conv-1", **ITS_ENTITY}),
        ({"infraprism.entity.type": "team"}, ITS_SESSION),
        ({"infraprism.entity.id": "own"}, ITS_SESSION),
    ],
)
def test_what_a_span_says_itself_is_neither_overridden_nor_mixed(own, added):
    provider, exported = recording(SessionCostProcessor(Ledger()))
    own = {**own, "infraprism.tag.feature": "own"}
    with session("conv-1", entity_type="user", entity_id=7, tags={"feature": "chat", "step": "2"}):
        provider.get_tracer("another instrumentation").start_span("span", attributes=own).end()
    assert exported.attributes() == {"span": {**own, **added, "infraprism.tag.step": "2"}}


def test_our_own_calls_are_left_alone():
    """They carry their session from the start, and have added themselves to its totals."""
    ledger = Ledger()
    provider, exported = recording(SessionCostProcessor(ledger))
    with session("conv-1"):
        provider.get_tracer(semconv.SCOPE).start_span("chat", attributes=call()).end()
    assert exported.attributes() == {"chat": call()}
    assert ledger[ACME] == Totals()


# What a session has cost

ORDERS = pytest.mark.parametrize("order", ["ours first", "ours last", "ours in the middle"])
ACTIVE = pytest.mark.parametrize(
    "active",
    [SynchronousMultiSpanProcessor, lambda: ConcurrentMultiSpanProcessor(3)],
    ids=["in turn", "at once"],
)


@ORDERS
@ACTIVE
def test_totals_are_there_before_any_exporter_looks(order, active):
    ledger = Ledger()
    if not ENDING_IS_TOLD and (order != "ours first" or active is not SynchronousMultiSpanProcessor):
        pytest.skip("before SDK 1.40 only processors that come after ours, in turn, see the totals")
    simple, batch = Exported(), Exported()
    exporting = [SimpleSpanProcessor(simple), BatchSpanProcessor(batch)]
    position = {"ours first": 0, "ours last": 2, "ours in the middle": 1}[order]
    exporting.insert(position, SessionCostProcessor(ledger))
    provider = TracerProvider(active_span_processor=active(), shutdown_on_exit=False)
    for processor in exporting:
        provider.add_span_processor(processor)
    tracer = provider.get_tracer("another instrumentation")
    tracer.start_span("first", attributes=call("0.0075")).end()
    tracer.start_span("second", attributes=call("0.1")).end()
    provider.force_flush()
    provider.shutdown()
    expected = {
        "first": {**call("0.0075"), **totals("0.0075", 1)},
        "second": {**call("0.1"), **totals("0.1075", 2)},
    }
    assert simple.attributes() == batch.attributes() == expected
    assert ledger[ACME] == Totals(Decimal("0.1075"), 2)


@pytest.mark.skipif(not ENDING_IS_TOLD, reason="before SDK 1.40 ours must come first")
def test_many_spans_in_batches_all_have_their_totals():
    exported = Exported()
    provider = TracerProvider(shutdown_on_exit=False)
    # Exports at nearly every span: whoever wrote a moment too late would be seen.
    provider.add_span_processor(BatchSpanProcessor(exported, max_export_batch_size=1))
    provider.add_span_processor(SessionCostProcessor(Ledger()))
    tracer = provider.get_tracer("another instrumentation")
    for number in range(1000):
        tracer.start_span(str(number), attributes=call("0.001")).end()
        if number % 100 == 0:
            provider.force_flush()
    provider.force_flush()
    provider.shutdown()
    turns = [span["attributes"]["infraprism.session.turns"] for span in exported.spans]
    assert turns == list(range(1, 1001))


def test_two_processors_of_ours_count_a_call_once():
    ledger = Ledger()
    provider, exported = recording(SessionCostProcessor(ledger), SessionCostProcessor(ledger))
    provider.get_tracer("another instrumentation").start_span("chat", attributes=call()).end()
    assert exported.attributes() == {"chat": {**call(), **totals("0.0075", 1)}}
    assert ledger[ACME] == Totals(Decimal("0.0075"), 1)


def test_the_session_may_come_from_the_block_that_the_call_is_made_in():
    ledger = Ledger()
    provider, exported = recording(SessionCostProcessor(ledger))
    cost = call(session__id=None, infraprism__entity__type=None, infraprism__entity__id=None)
    with session("conv-1", entity_type="customer", entity_id="acme"):
        provider.get_tracer("another instrumentation").start_span("chat", attributes=cost).end()
    assert exported.attributes() == {
        "chat": {**call(), "gen_ai.conversation.id": "conv-1", **totals("0.0075", 1)}
    }
    assert ledger[ACME] == Totals(Decimal("0.0075"), 1)


def test_two_entities_with_one_session_id_have_two_totals():
    provider, exported = recording(SessionCostProcessor(Ledger()))
    tracer = provider.get_tracer("another instrumentation")
    for entity in ("acme", "globex", None):
        tracer.start_span(str(entity), attributes=call(infraprism__entity__id=entity)).end()
    assert [span["attributes"]["infraprism.session.turns"] for span in exported.spans] == [1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        pytest.param({}, totals("0.0075", 1), id="a chat"),
        pytest.param({"gen_ai__operation__name": "generate_content"}, totals("0.0075", 1), id="another turn"),
        pytest.param({"gen_ai__operation__name": "embeddings"}, totals("0.0075", 0), id="no turn"),
        pytest.param({"gen_ai__operation__name": None}, totals("0.0075", 0), id="no operation"),
        pytest.param(
            {"infraprism__cost__status": "unpriced", "amount": None}, totals("0", 1), id="no amount"
        ),
        pytest.param({"amount": "a lot"}, totals("0", 1), id="not a number"),
        pytest.param({"amount": "NaN"}, totals("0", 1), id="nan"),
        pytest.param({"amount": "Infinity"}, totals("0", 1), id="infinite"),
        pytest.param({"amount": "-1"}, totals("0", 1), id="negative"),
        pytest.param({"amount": 0.0075}, totals("0", 1), id="not exact"),
        pytest.param({"session__id": None}, {}, id="no session"),
        pytest.param({"session__id": 7}, {}, id="not a session"),
        pytest.param({"infraprism__session__cost": "12"}, {}, id="counted already"),
    ],
)
def test_what_counts(changes, counted):
    provider, exported = recording(SessionCostProcessor(Ledger()))
    attributes = call(**changes)
    provider.get_tracer("another instrumentation").start_span("call", attributes=attributes).end()
    assert exported.attributes() == {"call": {**attributes, **counted}}


def test_an_error_is_no_turn_but_may_have_cost_something():
    provider, exported = recording(SessionCostProcessor(Ledger()))
    span = provider.get_tracer("another instrumentation").start_span("chat", attributes=call())
    span.set_status(StatusCode.ERROR)
    span.end()
    assert exported.attributes() == {"chat": {**call(), **totals("0.0075", 0)}}


def test_a_failure_of_ours_loses_the_totals_and_nothing_else(monkeypatch, caplog):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())

    class FullLedger(Ledger):
        def add(self, *args, **kwargs):
            raise RuntimeError("content of a prompt")

    provider, exported = recording(SessionCostProcessor(FullLedger()))
    provider.get_tracer("another instrumentation").start_span("chat", attributes=call()).end()
    assert exported.attributes() == {"chat": call()}
    assert guard.dropped() == {"telemetry_error": 1}
    assert "content" not in caplog.text


def test_processors_share_the_ledger_of_the_process():
    key = (None, None, "a session of this test alone")
    provider, _ = recording(SessionCostProcessor())
    attributes = call(session__id=key[2], infraprism__entity__type=None, infraprism__entity__id=None)
    provider.get_tracer("another instrumentation").start_span("chat", attributes=attributes).end()
    assert process_ledger[key] == Totals(Decimal("0.0075"), 1)


def test_it_holds_nothing_open():
    processor = SessionCostProcessor(Ledger())
    assert processor.force_flush() is True
    assert processor.shutdown() is None
