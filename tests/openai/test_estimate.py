"""What a stream without usage is estimated at."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.openai import estimate, tokens
from infraprism.pricing import Usage
from tests.support.calls import Recording, Wire, drain, sse
from tests.support.versions import needs

TEXT: Any = st.text()


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é" * 4, 2), ("漢字漢字", 3), ("\ud800", 1)],
)
def test_a_token_is_four_bytes(text: str, count: int) -> None:
    assert tokens.by_rule(text) == count


@given(TEXT, TEXT)
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert tokens.by_rule(text) <= tokens.by_rule(text + more) <= tokens.by_rule(text) + tokens.by_rule(more)


TOOL_CALLS = [{"function": {"name": "f", "arguments": '{"city": "Paris"}'}}]
PROMPTS: dict[str, tuple[dict[str, Any], int | None]] = {
    "nothing to be read": ({"messages": iter([])}, None),
    "a text": ({"input": "abcdefgh"}, 3 + 4 + 2),
    "messages": ({"messages": [{"role": "user", "content": "abcd"}, {"content": "abcd"}]}, 3 + 5 + 5),
    "parts": (
        {
            "messages": [
                {"content": [{"type": "text", "text": "abcd"}, {"type": "image_url", "image_url": {}}]}
            ]
        },
        3 + 4 + 1,
    ),
    "tool calls": ({"messages": [{"content": None, "tool_calls": TOOL_CALLS}]}, 3 + 4 + 5),
    "the client's objects": ({"messages": [SimpleNamespace(content="abcd")]}, 3 + 4 + 1),
    "instructions": ({"input": "abcd", "instructions": "abcd"}, 3 + 5 + 5),
    "odd things": ({"messages": [None, 5, "abcd", {"content": 5}], "input": 5}, 3 + 4 * 4 + 1),
}


@pytest.mark.parametrize(("arguments", "inputs"), PROMPTS.values(), ids=PROMPTS.keys())
def test_a_prompt_is_counted(arguments: dict[str, Any], inputs: int | None) -> None:
    assert estimate.usage("gpt-4o", estimate.snapshot(arguments), ["ab", "cde"]) == Usage(inputs, 2)


def test_what_the_caller_adds_later_is_not_counted() -> None:
    messages: list[Any] = [{"content": "abcd"}]
    prompt = estimate.snapshot({"messages": messages})
    messages.append({"content": "a reply"})
    assert estimate.usage("gpt-4o", prompt, []) == Usage(8, 0)


CHUNK: Any = {
    "id": "chatcmpl-1",
    "model": "gpt-4o",
    "choices": [{"index": 0, "delta": {"content": "Hello you"}}],
}
WORD: Any = {"type": "response.output_text.delta", "delta": "Hello you", "sequence_number": 1, "item_id": "m"}


def left_after_one(stream: Any) -> None:
    with stream:
        next(stream)


def test_a_stream_left_early_is_estimated_on_its_span(recording: Recording) -> None:
    client = Wire(sse(CHUNK, CHUNK, "[DONE]"), content_type="text/event-stream").client()
    left_after_one(
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
    )
    found = recording.attributes
    # 8 input tokens at $2.50 and 3 output tokens at $10 a million.
    assert {
        name: found[name]
        for name in found
        if any(part in name for part in (".usage.", ".cost.", ".estimated."))
    } == {
        "infraprism.estimated.input_tokens": 8,
        "infraprism.estimated.output_tokens": 3,
        "gen_ai.usage.cost": 0.00005,
        "infraprism.cost.status": "estimated",
        "infraprism.cost.amount": "0.00005",
        "infraprism.cost.currency": "USD",
        "infraprism.cost.source": "local",
        "infraprism.cost.price_version": found["infraprism.cost.price_version"],
        "infraprism.cost.input": "0.00002",
        "infraprism.cost.output": "0.00003",
        "infraprism.cost.quantities": "input=8 output=3",
    }


def test_what_an_estimate_cannot_price_leaves_a_floor(recording: Recording) -> None:
    client = Wire(sse(CHUNK, CHUNK, "[DONE]"), content_type="text/event-stream").client()
    searching: Any = {"web_search_options": {}}
    left_after_one(client.chat.completions.create(model="gpt-4o", messages=[], stream=True, **searching))
    assert recording.attributes["infraprism.cost.status"] == "partial"
    assert recording.attributes["infraprism.usage.unpriced"] == ("web_search",)


@needs("responses.create", "service_tier")
@pytest.mark.parametrize(
    ("asked", "served", "amount"),
    [
        # 8 input and 3 output tokens at $1.25 and $10 a million, or half of it.
        ("flex", None, "0.00002"),
        ("flex", "auto", "0.00002"),
        ("flex", "default", "0.00004"),
        ("auto", "auto", "0.00004"),
        ("scale", None, None),
    ],
)
def test_an_estimate_is_at_the_tier_that_was_asked_for_until_one_is_served(
    recording: Recording, asked: Any, served: str | None, amount: str | None
) -> None:
    response = {"id": "resp_1", "model": "gpt-5", "status": "in_progress", "service_tier": served}
    events = ({"type": "response.created", "response": response}, WORD, WORD)
    client = Wire(sse(*events), content_type="text/event-stream").client()
    stream = client.responses.create(model="gpt-5", input="Hi", stream=True, service_tier=asked)
    for _ in range(2):
        next(stream)
    stream.close()
    assert recording.attributes.get("infraprism.cost.amount") == amount


def test_a_response_left_early_is_estimated(recording: Recording) -> None:
    client = Wire(sse(WORD, WORD), content_type="text/event-stream").client()
    left_after_one(client.responses.create(model="gpt-4o", input="Hi", stream=True))
    assert recording.attributes["infraprism.estimated.input_tokens"] == 8
    assert recording.attributes["infraprism.estimated.output_tokens"] == 3
    assert recording.attributes["infraprism.cost.status"] == "estimated"


def test_tool_calls_are_counted(recording: Recording) -> None:
    call = {"index": 0, "function": {"name": "find", "arguments": '{"a": 1}'}}
    chunk = {
        **CHUNK,
        "choices": [{"index": 0, "delta": {"content": None, "tool_calls": [call, {"index": 1}]}}],
    }
    client = Wire(sse(chunk, "[DONE]"), content_type="text/event-stream").client()
    drain(client.chat.completions.create(model="gpt-4o", messages=[], stream=True))
    assert recording.attributes["infraprism.estimated.output_tokens"] == 3


def test_a_model_without_a_price_stays_unpriced(recording: Recording) -> None:
    chunk_model = {**CHUNK, "model": "our-own"}
    client = Wire(sse(chunk_model, "[DONE]"), content_type="text/event-stream").client()
    drain(client.chat.completions.create(model="our-own", messages=[], stream=True))
    assert recording.attributes["infraprism.cost.status"] == "unpriced"


@pytest.fixture
def _tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `tiktoken` with one encoding loaded, a token a word; the real one's come from the network."""
    encoding = SimpleNamespace(encode_ordinary=str.split)
    tiktoken, registry = ModuleType("tiktoken"), ModuleType("tiktoken.registry")
    registry.ENCODINGS = {"o200k_base": encoding}  # type: ignore[attr-defined]
    tiktoken.get_encoding = registry.ENCODINGS.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiktoken", tiktoken)
    monkeypatch.setitem(sys.modules, "tiktoken.registry", registry)
    monkeypatch.setattr(tokens, "_encodings", {})


@pytest.mark.usefixtures("_tiktoken")
def test_tiktoken_counts_where_it_has_the_encoding() -> None:
    assert tokens.counter("gpt-4o")("a b c d e f g h") in (4, 8)  # loading is not waited for
    assert wait_for(lambda: tokens.counter("gpt-4o")("a b c d e f g h") == 8)
    assert tokens.counter("gpt-4")("a b c d e f g h") == 4  # not at hand


def wait_for(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return true()
