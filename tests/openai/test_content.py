"""What is said in a call is recorded where OpenTelemetry's switch asks for it, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infraprism import settings
from tests.support.calls import Recording, Wire, adrain, drain, sse

SWITCH = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SAID = [
    f"gen_ai.{name}"
    for name in ("input.messages", "output.messages", "system_instructions", "tool.definitions")
]


def says(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
BERN = '{"city": "Bern"}'
CALL: Any = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": BERN}}
CALLED = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": BERN}
MESSAGES: Any = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "How is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "Sunny"},
]
ASKED = [
    {"role": "system", "parts": [says("Be brief.")]},
    {"role": "user", "parts": [says("How is it?"), {"type": "image_url"}]},
    {"role": "assistant", "parts": [CALLED]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "Sunny"}]},
]


def chat(**message: Any) -> Wire:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return Wire(json.dumps({"id": "chatcmpl-1", "model": "gpt-4o", "choices": [choice]}))


def chunks(*deltas: Any) -> Wire:
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices[-1]["finish_reason"] = "stop"
    events = [{"id": "chatcmpl-1", "model": "gpt-4o", "choices": [choice]} for choice in choices]
    return Wire(sse(*events, "[DONE]"), content_type="text/event-stream")


OUTPUT: Any = [
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}],
    },
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{}"},
]
RESPONSE: Any = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-4o",
    "status": "completed",
    "output": OUTPUT,
}
INPUT: Any = [
    {"role": "user", "content": "How is it?"},
    {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"},
]
RESPONDED = [
    {"role": "assistant", "parts": [says("Sunny.")], "finish_reason": "completed"},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": "{}"}],
        "finish_reason": "completed",
    },
]

CALLS: dict[str, tuple[Callable[[Any], Any], Callable[[], Wire], dict[str, Any]]] = {
    "chat": (
        lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=[TOOL]),
        lambda: chat(content="Sunny."),
        {
            "gen_ai.input.messages": ASKED,
            "gen_ai.tool.definitions": [TOOL],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [says("Sunny.")], "finish_reason": "stop"}
            ],
        },
    ),
    "chat that calls a tool": (
        lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES[:1]),
        lambda: chat(content=None, tool_calls=[CALL]),
        {
            "gen_ai.input.messages": ASKED[:1],
            "gen_ai.output.messages": [{"role": "assistant", "parts": [CALLED], "finish_reason": "stop"}],
        },
    ),
    "streamed chat": (
        lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES[:1], stream=True),
        lambda: chunks(
            {"role": "assistant", "content": "Sun"},
            {"content": "ny."},
            {"tool_calls": [{"id": "call_1", "function": {"name": "weather", "arguments": BERN[:5]}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": BERN[5:]}}]},
        ),
        {
            "gen_ai.input.messages": ASKED[:1],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [says("Sunny."), CALLED], "finish_reason": "stop"}
            ],
        },
    ),
    "response": (
        lambda c: c.responses.create(model="gpt-4o", input=INPUT, instructions="Be brief."),
        lambda: Wire(json.dumps(RESPONSE)),
        {
            "gen_ai.system_instructions": [says("Be brief.")],
            "gen_ai.input.messages": [
                {"role": "user", "parts": [says("How is it?")]},
                {
                    "role": "assistant",
                    "parts": [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": "{}"}],
                },
                ASKED[3],
            ],
            "gen_ai.output.messages": RESPONDED,
        },
    ),
    "streamed response": (
        lambda c: c.responses.create(model="gpt-4o", input="How is it?", stream=True),
        lambda: Wire(
            sse({"type": "response.completed", "sequence_number": 1, "response": RESPONSE}),
            content_type="text/event-stream",
        ),
        {
            "gen_ai.input.messages": [{"role": "user", "parts": [says("How is it?")]}],
            "gen_ai.output.messages": RESPONDED,
        },
    ),
    "text completion": (
        lambda c: c.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say hi"),
        lambda: Wire(json.dumps({"id": "cmpl-1", "choices": [{"text": "Hi", "finish_reason": "stop"}]})),
        {
            "gen_ai.input.messages": [{"role": "user", "parts": [says("Say hi")]}],
            "gen_ai.output.messages": [{"role": "assistant", "parts": [says("Hi")], "finish_reason": "stop"}],
        },
    ),
    "what can be read only once": (
        lambda c: c.chat.completions.create(model="gpt-4o", messages=iter(MESSAGES[:1])),
        lambda: chat(content="Hi"),
        {
            "gen_ai.output.messages": [{"role": "assistant", "parts": [says("Hi")], "finish_reason": "stop"}],
        },
    ),
    "odd messages": (
        lambda c: c.responses.create(model="gpt-4o", input=["Hello", None, {"content": 5}]),
        lambda: Wire(json.dumps({**RESPONSE, "output": [None, {"type": "message", "content": None}]})),
        {
            "gen_ai.input.messages": [
                {"role": "user", "parts": [says("Hello")]},
                {"role": "assistant", "parts": []},
            ],
            "gen_ai.output.messages": [{"role": "assistant", "parts": [], "finish_reason": "completed"}],
        },
    ),
}
calls = pytest.mark.parametrize(("call", "make_wire", "said"), CALLS.values(), ids=CALLS.keys())


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def turn(value: str) -> None:
        monkeypatch.setenv(SWITCH, value)
        settings.current.cache_clear()

    settings.current.cache_clear()
    yield turn
    monkeypatch.undo()
    settings.current.cache_clear()


def recorded(span: dict[str, Any]) -> dict[str, Any]:
    return {name: json.loads(span["attributes"][name]) for name in SAID if name in span["attributes"]}


@calls
async def test_what_is_said_is_recorded_where_it_is_wanted(
    recording: Recording, switch: Any, call: Callable[[Any], Any], make_wire: Callable[[], Wire], said: Any
) -> None:
    switch("SPAN_ONLY")
    wire = make_wire()
    drain(call(wire.client()))
    await adrain(call(make_wire().async_client()))
    assert [recorded(span) for span in recording.spans] == [said, said]
    assert b"messages" not in wire.requests[0][3] or json.loads(wire.requests[0][3])["messages"]


@pytest.mark.parametrize("value", ["", "NO_CONTENT", "EVENT_ONLY", "false", "nonsense"])
def test_nothing_is_recorded_otherwise(recording: Recording, switch: Any, value: str) -> None:
    switch(value)
    for call, make_wire, _ in CALLS.values():
        drain(call(make_wire().client()))
    assert [recorded(span) for span in recording.spans] == [{}] * len(CALLS)


def test_of_a_hosted_tool_neither_keys_nor_images_are_recorded(recording: Recording, switch: Any) -> None:
    switch("SPAN_ONLY")
    function: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}
    tools: Any = [
        function,
        {
            "type": "mcp",
            "server_label": "crm",
            "server_url": "https://crm.example/?key=secret",
            "authorization": "secret",
            "headers": {"X-Key": "secret"},
        },
        {"type": "image_generation", "input_image_mask": {"image_url": "data:image/png;base64,secret"}},
        {"type": "namespace", "name": "shop", "description": "Orders", "tools": [function]},
    ]
    Wire(json.dumps(RESPONSE)).client().responses.create(model="gpt-4o", input="How is it?", tools=tools)
    assert json.loads(recording.attributes["gen_ai.tool.definitions"]) == [
        function,
        {"type": "mcp", "server_label": "crm"},
        {"type": "image_generation"},
        {"type": "namespace", "name": "shop", "description": "Orders", "tools": [function]},
    ]


def test_a_lone_surrogate_can_be_exported(recording: Recording, switch: Any) -> None:
    switch("true")
    drain(chat(content="\ud83d").client().chat.completions.create(model="gpt-4o", messages=[]))
    assert recording.attributes["gen_ai.output.messages"].isascii()
