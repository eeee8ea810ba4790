"""What was said in a call, where OpenTelemetry's content switch asks for it, as the conventions write it.

Messages are JSON texts of ``[{"role": …, "parts": [{"type": "text", "content": …}, …]}]``:
https://opentelemetry.io/docs/specs/semconv/gen-ai/ (input and output messages). Bytes of images, audio and
files are left out. What can be read only once is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from infraprism import semconv
from infraprism.openai.response import text
from infraprism.pricing.usage import getter

Message = dict[str, Any]
Part = dict[str, Any]

#: What is told of a tool. The settings of hosted ones hold keys, headers and the bytes of images.
_OF_A_TOOL = (
    "type",
    "name",
    "description",
    "parameters",
    "strict",
    "format",
    "function",
    "custom",
    "server_label",
)


class Content:
    """The messages of one call, as they become known."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._said = _asked(arguments)
        self._response: Any = None
        #: Of a streamed completion: role and parts of each choice.
        self._choices: dict[int, _Spoken] = {}

    def answer(self, response: Any) -> None:
        """Take note of a whole response."""
        self._response = response

    def chunk(self, chunk: Any) -> None:
        """Take note of a chunk of a completion, or of an event that carries a response."""
        get = getter(chunk)
        carried = get(chunk, "response", None)
        if carried is not None:
            self._response = carried
        choices = get(chunk, "choices", None)
        if type(choices) is list:
            for position, choice in enumerate(choices):
                index = getter(choice)(choice, "index", None)
                spoken = self._choices.setdefault(index if type(index) is int else position, _Spoken())
                spoken.add(choice)

    def attributes(self) -> dict[str, str]:
        """The span's attributes; empty where nothing could be read."""
        replies = [spoken.message() for _, spoken in sorted(self._choices.items())]
        found = {**self._said, semconv.OUTPUT_MESSAGES: replies or _answered(self._response)}
        # ASCII: a lone surrogate would make an exporter lose its whole batch.
        return {name: json.dumps(value, default=str) for name, value in found.items() if value}


class _Spoken:
    """One choice of a streamed completion, put together from its deltas."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, Part] = {}
        self._reason: str | None = None

    def add(self, choice: Any) -> None:
        get = getter(choice)
        self._reason = text(get(choice, "finish_reason", None)) or self._reason
        delta = get(choice, "delta", None) or choice
        get = getter(delta)
        said = get(delta, "content", None) or get(delta, "text", None) or get(delta, "refusal", None)
        if isinstance(said, str):
            self._texts.append(said)
        for position, call in enumerate(_listed(get(delta, "tool_calls", None))):
            index = getter(call)(call, "index", None)
            index = index if type(index) is int else position
            part, known = _tool_call(call), self._calls.get(index)
            if known is None:
                self._calls[index] = part
            else:
                known["arguments"] += part["arguments"]

    def message(self) -> Message:
        said = "".join(self._texts)
        parts: list[Part] = [_text(said)] if said else []
        parts += [self._calls[index] for index in sorted(self._calls)]
        return {"role": "assistant", "parts": parts, "finish_reason": self._reason or "error"}


def _asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    messages = [message for name in ("messages", "input") for message in _messages(arguments.get(name))]
    prompt = arguments.get("prompt")
    if isinstance(prompt, str):
        messages.append({"role": "user", "parts": [_text(prompt)]})
    instructions = arguments.get("instructions")
    tools = arguments.get("tools")
    return {
        semconv.SYSTEM_INSTRUCTIONS: [_text(instructions)] if isinstance(instructions, str) else [],
        semconv.INPUT_MESSAGES: messages,
        semconv.TOOL_DEFINITIONS: [_tool(tool) for tool in _listed(tools)],
    }


def _tool(tool: Any) -> dict[str, Any]:
    get = getter(tool)
    told = {name: value for name in _OF_A_TOOL if (value := get(tool, name, None)) is not None}
    if inner := _listed(get(tool, "tools", None)):
        told["tools"] = [_tool(one) for one in inner]
    return told


def _messages(value: Any) -> Iterable[Message]:
    if isinstance(value, str):
        yield {"role": "user", "parts": [_text(value)]}
    elif isinstance(value, list | tuple):
        for message in value:
            if message is not None:
                yield _message(message)


def _message(message: Any) -> Message:
    """One message of a request, one choice's message, or one item of a response."""
    if isinstance(message, str):
        return {"role": "user", "parts": [_text(message)]}
    get = getter(message)
    kind = get(message, "type", None)
    role = text(get(message, "role", None))
    if kind == "function_call":
        return {"role": "assistant", "parts": [_called(get(message, "call_id", None), message)]}
    if kind == "function_call_output":
        return _result(get(message, "call_id", None), get(message, "output", None))
    if role == "tool":
        return _result(get(message, "tool_call_id", None), get(message, "content", None))
    parts = list(_parts(get(message, "content", None)))
    refusal = get(message, "refusal", None)
    if isinstance(refusal, str):
        parts.append(_text(refusal))
    parts += map(_tool_call, _listed(get(message, "tool_calls", None)))
    return {"role": role or "assistant", "parts": parts}


def _parts(content: Any) -> Iterable[Part]:
    if isinstance(content, str):
        yield _text(content)
    elif isinstance(content, list | tuple):
        for part in content:
            if isinstance(part, str):
                yield _text(part)
                continue
            get = getter(part)
            said = get(part, "text", None) or get(part, "refusal", None)
            kind = text(get(part, "type", None)) or "text"
            if isinstance(said, str):
                yield _text(said)
            else:
                # What the part is, without its bytes.
                yield {"type": kind}


def _answered(response: Any) -> list[Message]:
    if response is None:
        return []
    get = getter(response)
    choices = get(response, "choices", None)
    if type(choices) is list:
        return [_choice(choice) for choice in choices if choice is not None]
    output = get(response, "output", None)
    if type(output) is not list:
        return []
    status = text(get(response, "status", None)) or "completed"
    wanted = ("message", "function_call")
    items = [item for item in output if item is not None and getter(item)(item, "type", None) in wanted]
    return [{**_message(item), "finish_reason": status} for item in items]


def _choice(choice: Any) -> Message:
    get = getter(choice)
    message = get(choice, "message", None)
    reason = text(get(choice, "finish_reason", None)) or "error"
    if message is None:
        said = get(choice, "text", None)
        return {"role": "assistant", "parts": [_text(said)] if said else [], "finish_reason": reason}
    return {**_message(message), "finish_reason": reason}


def _text(content: Any) -> Part:
    return {"type": "text", "content": content}


def _tool_call(call: Any) -> Part:
    get = getter(call)
    return _called(get(call, "id", None), get(call, "function", None))


def _called(call_id: Any, function: Any) -> Part:
    get = getter(function)
    name, arguments = text(get(function, "name", None)), text(get(function, "arguments", None))
    return {"type": "tool_call", "id": text(call_id), "name": name, "arguments": arguments or ""}


def _result(call_id: Any, response: Any) -> Message:
    """What a tool gave; its parts as a list of texts where it is no text itself."""
    given = response if isinstance(response, str) else list(_parts(response))
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": text(call_id), "response": given}]}


def _listed(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()
