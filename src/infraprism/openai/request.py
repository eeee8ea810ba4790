"""The facts of a request, as span attributes read from a method's keyword arguments.

Pure, and careful: only values of the expected plain types are read, so that an iterator of messages is never
touched and the client's own "not given" markers fall through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infraprism import semconv

AttributeValue = str | int | float | bool | list[str]

_NUMBER = (int, float)
_TEXT = (str,)
_COUNT = (int,)

#: Attribute ← keyword argument, and the types it is read from. A later row wins over an earlier one.
_SAMPLING: tuple[tuple[str, str, tuple[type, ...]], ...] = (
    (semconv.REQUEST_TEMPERATURE, "temperature", _NUMBER),
    (semconv.REQUEST_TOP_P, "top_p", _NUMBER),
)
_CHAT = (
    *_SAMPLING,
    (semconv.REQUEST_MAX_TOKENS, "max_tokens", _COUNT),
    (semconv.REQUEST_MAX_TOKENS, "max_completion_tokens", _COUNT),
    (semconv.REQUEST_FREQUENCY_PENALTY, "frequency_penalty", _NUMBER),
    (semconv.REQUEST_PRESENCE_PENALTY, "presence_penalty", _NUMBER),
    (semconv.REQUEST_SEED, "seed", _COUNT),
)
_RESPONSES = (*_SAMPLING, (semconv.REQUEST_MAX_TOKENS, "max_output_tokens", _COUNT))
_EMBEDDINGS = ((semconv.EMBEDDINGS_DIMENSION_COUNT, "dimensions", _COUNT),)

Facts = Iterator[tuple[str, AttributeValue]]


def chat(arguments: Mapping[str, Any]) -> Facts:
    """The request facts of a chat completion."""
    yield from _read(arguments, _CHAT)
    choices = arguments.get("n")
    if type(choices) is int and choices != 1:
        yield semconv.REQUEST_CHOICE_COUNT, choices
    stop = arguments.get("stop")
    if isinstance(stop, str):
        yield semconv.REQUEST_STOP_SEQUENCES, [stop]
    elif isinstance(stop, list | tuple) and all(isinstance(sequence, str) for sequence in stop):
        yield semconv.REQUEST_STOP_SEQUENCES, list(stop)
    yield from _tier(arguments)


def responses(arguments: Mapping[str, Any]) -> Facts:
    """The request facts of a response."""
    yield from _read(arguments, _RESPONSES)
    yield from _tier(arguments)


def embeddings(arguments: Mapping[str, Any]) -> Facts:
    """The request facts of an embedding."""
    yield from _read(arguments, _EMBEDDINGS)
    encoding = arguments.get("encoding_format")
    if isinstance(encoding, str):
        yield semconv.REQUEST_ENCODING_FORMATS, [encoding]


def model(arguments: Mapping[str, Any]) -> str | None:
    """The requested model's name; None where there is none to read."""
    name = arguments.get("model")
    return str.__str__(name) if isinstance(name, str) and name else None


def streamed(arguments: Mapping[str, Any]) -> bool:
    """Whether the caller asked for a stream."""
    return arguments.get("stream") is True


def _read(arguments: Mapping[str, Any], table: tuple[tuple[str, str, tuple[type, ...]], ...]) -> Facts:
    for attribute, argument, types in table:
        value = arguments.get(argument)
        if type(value) in types:
            yield attribute, value  # type: ignore[misc]  # its type was just checked


def _tier(arguments: Mapping[str, Any]) -> Facts:
    tier = arguments.get("service_tier")
    if isinstance(tier, str) and tier != "auto":
        yield semconv.OPENAI_REQUEST_SERVICE_TIER, tier
