"""The usage of a streamed call that reported none, counted from its text: an estimate, marked as one.

The rule: a token is four bytes of UTF-8, rounded up for each text; a message adds four tokens, a request
three (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken gives the overheads). Where
`tiktoken` is installed and has the model's encoding on disk, it counts instead (`tokens.py`). Images, audio,
files and the definitions of tools are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infraprism.openai import tokens
from infraprism.openai.response import Reply
from infraprism.pricing import Usage
from infraprism.pricing.usage import getter

_PER_MESSAGE = 4
_PER_REQUEST = 3
#: What of a request is prompt text.
_PROMPTS = ("messages", "input", "instructions", "prompt")


def snapshot(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request's arguments is needed to estimate its input; one-shot iterators are left alone."""
    kept: dict[str, Any] = {}
    for name in _PROMPTS:
        value = arguments.get(name)
        if isinstance(value, str):
            kept[name] = value
        elif isinstance(value, list | tuple):
            kept[name] = tuple(value)  # the caller may go on with its list
    return kept


def usage(model: str | None, prompt: Mapping[str, Any], pieces: Iterable[str]) -> Usage:
    """The estimated usage of a call.

    Args:
        model: the model's name; chooses the encoding.
        prompt: a `snapshot`; an empty one leaves the input unknown.
        pieces: the reply's text, as it came.
    """
    count = tokens.counter(model)
    inputs = None
    if prompt:
        inputs = _PER_REQUEST
        for value in prompt.values():
            if isinstance(value, str):
                inputs += count(value) + _PER_MESSAGE
            else:
                inputs += sum(_PER_MESSAGE + sum(map(count, _texts(message))) for message in value)
    text = "".join(pieces)
    return Usage(inputs, count(text) if text else 0)


def of_stream(
    reply: Reply, prompt: Mapping[str, Any], asked_model: str | None, error_type: str | None
) -> Usage | None:
    """The usage, in tokens, of a stream that reported none; None where it failed before it said anything,
    and of what is no stream.

    Args:
        prompt: the `snapshot` of its request.
        asked_model: the requested model, for a reply that does not say which one served it.
        error_type: how it failed; None where it did not.
    """
    pieces = reply.pieces
    if pieces is None or (error_type is not None and not pieces):
        return None
    found = usage(reply.model or asked_model, prompt, pieces)
    return found._replace(unpriced=reply.billed_items)


def _texts(message: Any) -> Iterable[str]:
    """The texts of a message: itself, or what it has as content, text, arguments, output and tool calls."""
    if isinstance(message, str):
        yield message
    elif isinstance(message, list | tuple):
        for part in message:
            yield from _texts(part)
    elif message is not None:
        get = getter(message)
        for name in ("content", "text", "arguments", "output"):
            value = get(message, name, None)
            if isinstance(value, str | list | tuple):
                yield from _texts(value)
        for call in get(message, "tool_calls", None) or ():
            yield from _texts(getter(call)(call, "function", None))
