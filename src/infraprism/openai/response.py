"""The facts of a response, read from the client's objects, from plain JSON, or gathered over a stream."""

from __future__ import annotations

from typing import Any

from infraprism.pricing import Usage, read
from infraprism.pricing.usage import getter

#: Output items of the built-in tools that are billed by themselves, beside the tokens.
_BILLED_ITEMS = frozenset(
    {"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"}
)
#: The events of a stream that carry the whole response; every other one is a piece of its output.
_CARRYING_EVENTS = frozenset(
    f"response.{state}"
    for state in ("created", "queued", "in_progress", "completed", "incomplete", "failed", "cancelled")
)


class Reply:
    """What a call's response said. Filled in one go, or chunk by chunk."""

    # Defaults of the class: a call sets only what its response said.

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    #: Finish reason of each choice, by its index.
    finish_reasons: dict[int, str] | None = None
    #: The usage object as it was reported, and what is billed beside it.
    usage_reported: Any = None
    billed_items: tuple[str, ...] = ()
    #: Code of the failure that the response reports of itself; the client raises nothing for it.
    error_type: str | None = None
    #: The server refused the request by an event of its own, so the client raises nothing.
    refused: bool = False

    def finish(self, index: int, reason: str) -> None:
        """Note why the choice `index` finished."""
        if self.finish_reasons is None:
            self.finish_reasons = {}
        self.finish_reasons[index] = reason

    def usage(self) -> Usage | None:
        """The checked usage; None where none was reported."""
        return read(self.usage_reported, unpriced=self.billed_items)


def chat(source: Any, reply: Reply) -> None:
    """Read a chat completion, or one chunk of its stream, into `reply`."""
    get = getter(source)
    usage = get(source, "usage", None)
    if usage is not None:
        reply.usage_reported = usage
    if reply.id is None:
        reply.id = _text(get(source, "id", None))
        reply.model = _text(get(source, "model", None))
        reply.system_fingerprint = _text(get(source, "system_fingerprint", None))
    tier = get(source, "service_tier", None)
    if tier is not None and tier != reply.service_tier:
        reply.service_tier = _text(tier)
    choices = get(source, "choices", None)
    if type(choices) is list:
        for position, choice in enumerate(choices):
            get = getter(choice)
            reason = get(choice, "finish_reason", None)
            if reason is not None:  # of a stream's many chunks, the last one of each choice
                index = get(choice, "index", None)
                reply.finish(index if type(index) is int else position, str(reason))


def response(source: Any, reply: Reply) -> None:
    """Read a response of the Responses API into `reply`."""
    get = getter(source)
    reply.id = _text(get(source, "id", None))
    reply.model = _text(get(source, "model", None))
    reply.service_tier = _text(get(source, "service_tier", None))
    reply.usage_reported = get(source, "usage", None)
    status = _text(get(source, "status", None))
    if status == "failed":
        reply.error_type = _error_code(get(source, "error", None))
    if status == "incomplete":
        details = get(source, "incomplete_details", None)
        status = _text(getter(details)(details, "reason", None)) or status
    if status is not None:
        reply.finish(0, status)
    output = get(source, "output", None)
    kinds = {_text(getter(item)(item, "type", None)) for item in output or () if item is not None}
    reply.billed_items = tuple(sorted(kind for kind in kinds if kind in _BILLED_ITEMS))


def response_event(event: Any, reply: Reply) -> None:
    """Read one event of a response's stream into `reply`; a few carry the response as it stands."""
    get = getter(event)
    kind = get(event, "type", None)
    if kind in _CARRYING_EVENTS:
        response(get(event, "response", None), reply)
    elif kind == "error":
        reply.error_type = _error_code(event)


def embedding(source: Any, reply: Reply) -> None:
    """Read an embedding's response into `reply`."""
    get = getter(source)
    reply.model = _text(get(source, "model", None))
    reply.usage_reported = get(source, "usage", None)


def _error_code(error: Any) -> str:
    return _text(getter(error)(error, "code", None)) or "error"


def _text(value: Any) -> str | None:
    if type(value) is str:
        return value or None
    return str.__str__(value) if isinstance(value, str) and value else None
