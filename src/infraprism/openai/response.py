"""The facts of a response, read from the client's objects, from plain JSON, or gathered over a stream."""

from __future__ import annotations

from typing import Any

from infraprism.openai.request import exportable
from infraprism.pricing import Usage, read
from infraprism.pricing.usage import getter

#: Output items of the built-in tools that are billed by the call → their field of `Usage`.
_COUNTED_ITEMS = {"web_search_call": "web_searches", "file_search_call": "file_searches"}
#: Those that are billed in a way that the response does not say.
_BILLED_ITEMS = frozenset({"code_interpreter_call", "image_generation_call"})
#: Commands that the provider runs are billed by their container; those that the caller runs are not.
_SHELL, _CONTAINER = "shell_call", "container_reference"
#: The tool that searches the web as its preview did: some models charge more for a search of it, which
#: the price list does not tell apart.
_PREVIEW = "web_search_preview"
#: Where a delta has its text: one of them, first come.
_TEXTS = ("content", "text", "refusal", "reasoning_content", "reasoning")
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
    #: Quantities that the usage object does not report: fields of `Usage`.
    quantities: dict[str, Any]
    #: The response was asked for in the background: whoever fetches it gets its usage.
    background: bool = False
    #: Code of the failure that the response reports of itself; the client raises nothing for it.
    error_type: str | None = None
    #: The server refused the request by an event of its own, so the client raises nothing.
    refused: bool = False
    #: Of a stream: the text that came, kept for the case that no usage does.
    pieces: list[str] | None = None

    def __init__(self) -> None:
        self.quantities = {}

    def finish(self, index: int, reason: str) -> None:
        """Note why the choice `index` finished."""
        if self.finish_reasons is None:
            self.finish_reasons = {}
        self.finish_reasons[index] = reason

    def usage(self) -> Usage | None:
        """The checked usage; None where none was reported."""
        usage = read(self.usage_reported, unpriced=self.billed_items)
        return (usage or Usage())._replace(**self.quantities) if self.quantities else usage


def chat(source: Any, reply: Reply) -> None:
    """Read a chat or text completion, or one chunk of its stream, into `reply`."""
    get = getter(source)
    usage = get(source, "usage", None)
    if usage is not None:
        reply.usage_reported = usage
    if reply.id is None or reply.model is None:
        # A chunk that says less than the one before takes nothing back.
        reply.id = reply.id or text(get(source, "id", None))
        reply.model = reply.model or text(get(source, "model", None))
        reply.system_fingerprint = text(get(source, "system_fingerprint", None)) or reply.system_fingerprint
    tier = get(source, "service_tier", None)
    if tier is not None and tier != reply.service_tier:
        reply.service_tier = text(tier)
    choices = get(source, "choices", None)
    if type(choices) is list:
        for position, choice in enumerate(choices):
            get = getter(choice)
            if reply.pieces is not None:
                _piece(get(choice, "delta", None) or choice, reply.pieces)
            reason = get(choice, "finish_reason", None)
            if reason is not None:  # of a stream's many chunks, the last one of each choice
                index = get(choice, "index", None)
                reply.finish(index if type(index) is int else position, exportable(str(reason)))
                # Groq's streams have it there, whether or not they were asked for it.
                if usage is None and (of_groq := getter(source)(source, "x_groq", None)) is not None:
                    reply.usage_reported = getter(of_groq)(of_groq, "usage", None) or reply.usage_reported


def chat_chunk(chunk: Any, reply: Reply) -> None:
    """Read one chunk of a completion's stream: as `chat`, with a short cut for nearly all of them, a text.

    The client's models keep their fields in `__dict__`: looked up there, they take half the time.
    """
    try:
        fields = chunk.__dict__
        [choice] = fields["choices"]
        choice = choice.__dict__
        said = choice["delta"].__dict__["content"]
        if (
            type(said) is str
            and choice["finish_reason"] is None
            and fields["usage"] is None
            and ((tier := fields["service_tier"]) is None or tier == reply.service_tier)
            and reply.id is not None
        ):
            reply.pieces.append(said)  # type: ignore[union-attr]  # where none are kept, as `chat` says
            return
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # another shape
    chat(chunk, reply)


def _piece(delta: Any, pieces: list[str]) -> None:
    """Keep the text of a choice's delta (of a text completion: of the choice)."""
    get = getter(delta)
    for name in _TEXTS:
        said = get(delta, name, None)
        if type(said) is str:
            if said:
                pieces.append(said)
            return
    calls = get(delta, "tool_calls", None)
    for call in calls if type(calls) is list else ():
        function = getter(call)(call, "function", None)
        if function is not None:
            get = getter(function)
            pieces.extend(
                said for name in ("name", "arguments") if type(said := get(function, name, None)) is str
            )


def response(source: Any, reply: Reply) -> None:
    """Read a response of the Responses API into `reply`."""
    get = getter(source)
    reply.id = text(get(source, "id", None))
    reply.model = text(get(source, "model", None))
    reply.service_tier = text(get(source, "service_tier", None))
    reply.usage_reported = get(source, "usage", None)
    reply.background = get(source, "background", None) is True
    status = text(get(source, "status", None))
    if status == "failed":
        reply.error_type = _error_code(get(source, "error", None))
    if status == "incomplete":
        details = get(source, "incomplete_details", None)
        status = text(getter(details)(details, "reason", None)) or status
    if status is not None:
        reply.finish(0, status)
    _tools(get(source, "output", None), get(source, "tools", None), reply)


def _tools(output: Any, offered: Any, reply: Reply) -> None:
    """Count the built-in tools of a response's output that are billed by the call, and name the others."""
    # Several events of a stream can carry the output: each tells of all there is by then.
    for name in _COUNTED_ITEMS.values():
        reply.quantities.pop(name, None)
    unpriced: set[str] = set()
    for item in output if type(output) is list else ():
        get = getter(item)
        kind = text(get(item, "type", None))
        if kind == "web_search_call":
            # Opening a page and looking something up in it are free.
            action = get(item, "action", None)
            if action is not None and getter(action)(action, "type", "search") != "search":
                continue
        if kind in _COUNTED_ITEMS:
            name = _COUNTED_ITEMS[kind]
            reply.quantities[name] = reply.quantities.get(name, 0) + 1
        elif kind in _BILLED_ITEMS:
            unpriced.add(kind)
        elif kind == _SHELL:
            environment = get(item, "environment", None)
            if environment is not None and getter(environment)(environment, "type", None) == _CONTAINER:
                unpriced.add(kind)
    if "web_searches" in reply.quantities and type(offered) is list:
        kinds = (text(getter(tool)(tool, "type", None)) or "" for tool in offered)
        unpriced.update(_PREVIEW for kind in kinds if kind.startswith(_PREVIEW))
    reply.billed_items = tuple(sorted(unpriced))


def response_event(event: Any, reply: Reply) -> None:
    """Read one event of a response's stream into `reply`; a few carry the response as it stands."""
    get = getter(event)
    kind = get(event, "type", None)
    if type(kind) is not str:
        kind = text(kind)
    if kind in _CARRYING_EVENTS:
        response(get(event, "response", None), reply)
    elif kind == "error":
        reply.error_type = _error_code(event)
    elif reply.pieces is not None and type(said := get(event, "delta", None)) is str:
        reply.pieces.append(said)


def plain(source: Any, reply: Reply) -> None:
    """Read a response that says no more than its id, model and usage: of embeddings, of a moderation …"""
    get = getter(source)
    reply.id = text(get(source, "id", None))
    reply.model = text(get(source, "model", None))
    reply.usage_reported = get(source, "usage", None)


def nothing(source: Any, reply: Reply) -> None:
    """Read what says nothing of itself: the sound of a speech, a chunk where no stream is expected."""


def _error_code(error: Any) -> str:
    return text(getter(error)(error, "code", None)) or "error"


def text(value: Any) -> str | None:
    """A value that is a text, and not an empty one, as a plain `str`; else None."""
    if type(value) is str and value.isascii():
        return value or None
    return exportable(value) if isinstance(value, str) and value else None
