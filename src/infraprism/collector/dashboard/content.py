"""What was said in a call, where it was recorded, from the attributes that the API answers. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from infraprism import semconv


class Said(NamedTuple):
    """One piece of a conversation."""

    role: str
    #: ``text``, or what else it is: a tool's call, a picture.
    kind: str
    text: str


def conversation(attributes: Mapping[str, Any]) -> list[Said]:
    """What the call was told and what it replied; empty where content was not recorded."""
    said = [Said("system", *_part(part)) for part in _list(attributes.get(semconv.SYSTEM_INSTRUCTIONS))]
    for name in (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES):
        for message in _list(attributes.get(name)):
            said += _message(message)
    return said


def _message(message: Any) -> Iterator[Said]:
    if isinstance(message, str):
        yield Said("unknown", "text", message)
    if not isinstance(message, dict):
        return
    role = str(message.get("role") or "unknown")
    parts = message.get("parts")
    for part in parts if isinstance(parts, list) else [message.get("content")]:
        yield Said(role, *_part(part))


def _part(part: Any) -> tuple[str, str]:
    match part:
        case {"type": "text", "content": str(text)}:
            return "text", text
        case {"type": "tool_call", "name": name}:
            return f"calls {name}", _written(part.get("arguments"))
        case {"type": "tool_call_response"}:
            return "result of a tool", _written(part.get("response", part.get("result")))
        case {"type": str(kind), "content": str(text)}:
            return kind, text
        case {"type": str(kind)}:
            return kind, ""
        case str(text):
            return "text", text
        case _:
            return "text", _written(part)


def _list(value: Any) -> list[Any]:
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
    return value if isinstance(value, list) else []


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
