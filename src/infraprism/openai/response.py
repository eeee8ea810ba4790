"""The facts of a response, read from the client's objects, from plain JSON, or gathered over a stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infraprism.pricing import Usage, read
from infraprism.pricing.usage import field as value_of

#: Output items of the built-in tools that are billed by themselves, beside the tokens.
_BILLED_ITEMS = frozenset(
    {"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"}
)
#: The events of a stream that carry the whole response; every other one is a piece of its output.
_CARRYING_EVENTS = frozenset(
    f"response.{state}"
    for state in ("created", "queued", "in_progress", "completed", "incomplete", "failed", "cancelled")
)


@dataclass(slots=True)
class Reply:
    """What a call's response said. Filled in one go, or chunk by chunk."""

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    #: Finish reason of each choice, by its index.
    finish_reasons: dict[int, str] = field(default_factory=dict)
    #: The usage object as it was reported, and what is billed beside it.
    usage_reported: Any = None
    billed_items: tuple[str, ...] = ()

    def usage(self) -> Usage | None:
        """The checked usage; None where none was reported."""
        return read(self.usage_reported, unpriced=self.billed_items)


def chat(response: Any, reply: Reply) -> None:
    """Read a chat completion, or one chunk of its stream, into `reply`."""
    usage = value_of(response, "usage")
    if usage is not None:
        reply.usage_reported = usage
    if reply.id is None:
        reply.id = _text(value_of(response, "id"))
        reply.model = _text(value_of(response, "model"))
        reply.system_fingerprint = _text(value_of(response, "system_fingerprint"))
    tier = value_of(response, "service_tier")
    if tier is not None:
        reply.service_tier = _text(tier)
    for position, choice in enumerate(_items(value_of(response, "choices"))):
        reason = value_of(choice, "finish_reason")
        if isinstance(reason, str):
            index = value_of(choice, "index")
            reply.finish_reasons[index if type(index) is int else position] = reason


def response(source: Any, reply: Reply) -> None:
    """Read a response of the Responses API into `reply`."""
    reply.id = _text(value_of(source, "id"))
    reply.model = _text(value_of(source, "model"))
    reply.service_tier = _text(value_of(source, "service_tier"))
    reply.usage_reported = value_of(source, "usage")
    status = _text(value_of(source, "status"))
    if status == "incomplete":
        status = _text(value_of(value_of(source, "incomplete_details"), "reason")) or status
    if status is not None:
        reply.finish_reasons[0] = status
    kinds = (_text(value_of(item, "type")) for item in _items(value_of(source, "output")))
    reply.billed_items = tuple(sorted({kind for kind in kinds if kind in _BILLED_ITEMS}))


def response_event(event: Any, reply: Reply) -> None:
    """Read one event of a response's stream into `reply`; a few carry the response as it stands."""
    if value_of(event, "type") in _CARRYING_EVENTS:
        response(value_of(event, "response"), reply)


def embedding(source: Any, reply: Reply) -> None:
    """Read an embedding's response into `reply`."""
    reply.model = _text(value_of(source, "model"))
    reply.usage_reported = value_of(source, "usage")


def _text(value: Any) -> str | None:
    return str.__str__(value) if isinstance(value, str) and value else None


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else ()
