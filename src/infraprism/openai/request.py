"""The facts of a request, as span attributes read from a method's keyword arguments.

Pure, and careful: an argument is looked at only where a row names it and its value is of a plain type, so
that an iterator of messages is never touched and the client's own "not given" markers fall through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infraprism import semconv

#: As the SDK keeps it: it is put on spans unchecked.
AttributeValue = str | bool | int | float | tuple[str, ...]
#: An argument's value → the attribute's, or None to leave it out.
Reader = Callable[[Any], AttributeValue | None]
#: Keyword argument → attribute, and how to read it.
Table = Mapping[str, tuple[str, Reader]]


#: An integer beyond it does not fit into an attribute.
_BEYOND = 2**63


def exportable(text: str) -> str:
    """`text` as a plain `str`, without lone surrogates: they would make an exporter lose the whole batch."""
    text = str.__str__(text)
    return text if text.isascii() else text.encode(errors="replace").decode()


def _number(value: Any) -> float | None:
    return value if type(value) is float else _count(value)


def _count(value: Any) -> int | None:
    return value if type(value) is int and -_BEYOND <= value < _BEYOND else None


def _choices(value: Any) -> int | None:
    return _count(value) if value != 1 else None


def _tier(value: Any) -> str | None:
    return exportable(value) if isinstance(value, str) and value != "auto" else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (exportable(value),)
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return tuple(exportable(text) for text in value)
    return None


def _id(value: Any) -> str | None:
    given = value.get("id") if isinstance(value, dict) else value
    return exportable(given) if isinstance(given, str) and given else None


def _streamed(value: Any) -> bool | None:
    return True if value is True else None


_SAMPLING: Table = {
    "stream": (semconv.REQUEST_STREAM, _streamed),
    "temperature": (semconv.REQUEST_TEMPERATURE, _number),
    "top_p": (semconv.REQUEST_TOP_P, _number),
    "service_tier": (semconv.OPENAI_REQUEST_SERVICE_TIER, _tier),
}

CHAT: Table = {
    **_SAMPLING,
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, _count),
    "max_completion_tokens": (semconv.REQUEST_MAX_TOKENS, _count),
    "frequency_penalty": (semconv.REQUEST_FREQUENCY_PENALTY, _number),
    "presence_penalty": (semconv.REQUEST_PRESENCE_PENALTY, _number),
    "seed": (semconv.REQUEST_SEED, _count),
    "n": (semconv.REQUEST_CHOICE_COUNT, _choices),
    "stop": (semconv.REQUEST_STOP_SEQUENCES, _texts),
}
RESPONSES: Table = {
    **_SAMPLING,
    "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, _count),
    "conversation": (semconv.OPENAI_REQUEST_CONVERSATION, _id),
    "previous_response_id": (semconv.OPENAI_REQUEST_PREVIOUS_RESPONSE_ID, _id),
}
AUDIO: Table = {"stream": (semconv.REQUEST_STREAM, _streamed)}
IMAGES: Table = {
    **AUDIO,
    "n": (semconv.REQUEST_CHOICE_COUNT, _choices),
}
EMBEDDINGS: Table = {
    "dimensions": (semconv.EMBEDDINGS_DIMENSION_COUNT, _count),
    "encoding_format": (semconv.REQUEST_ENCODING_FORMATS, _texts),
}


def read(table: Table, arguments: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """The attributes of a request, as `table` says."""
    attributes: dict[str, AttributeValue] = {}
    for argument, value in arguments.items():
        row = table.get(argument)
        if row is not None and (found := row[1](value)) is not None:
            attributes[row[0]] = found
    return attributes


def model(arguments: Mapping[str, Any]) -> str | None:
    """The requested model's name; None where there is none to read."""
    name = arguments.get("model")
    return exportable(name) if isinstance(name, str) and name else None


def searches(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The search of the web that a chat completion is asked to begin with; its response tells of none."""
    name = arguments.get("model")
    asked = isinstance(arguments.get("web_search_options"), Mapping)
    return ("web_search",) if asked or (isinstance(name, str) and "-search-" in name) else ()
