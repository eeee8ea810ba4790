"""One call that two instrumentations record side by side is counted once, and two calls twice."""

from __future__ import annotations

from tests.tracing.test_account import CHAT, NOON, Scene

#: No id of the response in it.
LANGCHAIN = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o-mini",
    "llm.token_count.prompt": 1000,
    "llm.token_count.completion": 200,
}
OURS = {name: value for name, value in CHAT.items() if name != "gen_ai.usage.cache_read.input_tokens"}


def run(*steps):
    """Who counts what, of spans that ``(name, scope, attributes)`` begins, and a name ends."""
    scene, spans = Scene(), {}
    for time, step in enumerate(steps):
        if isinstance(step, tuple):
            name, scope, attributes = step
            spans[name] = scene.start(name, attributes, scope, at=NOON + time)
        else:
            spans[step].end(NOON + time)
    ids = {format(span.get_span_context().span_id, "016x"): name for name, span in spans.items()}
    return {name: ids.get(cost, cost) for name, cost in scene.costs().items()}


def chain(name, **changes):
    return name, "langchain", {**LANGCHAIN, **changes}


def client(name, scope="client"):
    return name, scope, OURS


def test_around_a_call_of_another():
    assert run(chain("chain"), client("call"), "call", "chain") == {"call": "0.00027", "chain": "call"}


def test_around_a_call_of_ours():
    steps = chain("chain"), client("call", "infraprism.openai"), "call", "chain"
    assert run(*steps) == {"call": None, "chain": "call"}


def test_as_many_as_there_were():
    begun = chain("chain 1"), chain("chain 2"), client("call 1"), client("call 2")
    assert run(*begun, "call 1", "call 2", "chain 1", "chain 2") == {
        "call 1": "0.00027",
        "call 2": "0.00027",
        "chain 1": "call 2",
        "chain 2": "call 1",
    }
    assert run(*begun[:3], "call 1", "chain 1", "chain 2") == {
        "call 1": "0.00027",
        "chain 1": "call 1",
        "chain 2": "0.00027",
    }


def test_calls_of_one_instrumentation_are_different_ones():
    assert run(client("outer"), client("inner"), "inner", "outer") == {"inner": "0.00027", "outer": "0.00027"}


def test_not_before_and_not_after():
    assert run(client("call"), chain("chain"), "call", "chain") == {"call": "0.00027", "chain": "0.00027"}
    assert run(client("call"), "call", chain("chain"), "chain") == {"call": "0.00027", "chain": "0.00027"}


def test_not_with_other_tokens_or_another_model():
    for changes in ({"llm.token_count.prompt": 999}, {"llm.model_name": "gpt-4o"}):
        assert run(chain("chain", **changes), client("call"), "call", "chain")["chain"] != "call"


def test_what_reports_no_usage_is_no_twin():
    asked = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini"}
    steps = ("chain", "langchain", asked), ("call", "client", asked), "call", "chain"
    assert run(*steps) == {"call": None, "chain": None}
