"""Followers of websocket connections: they make calls of what a connection receives, and keep the open ones.

A follower sees the bytes of each message, before anybody parses them: whatever the host does with them then,
they are seen once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context

from infraprism import guard, sessions
from infraprism.openai import abandoned, billed
from infraprism.openai.call import Call
from infraprism.openai.response import text
from infraprism.openai.surfaces import Surface

if TYPE_CHECKING:
    from infraprism.openai.engine import Engine

#: The type of an event whose message begins with it, as those of OpenAI do: no need to look at the rest.
_HEAD = re.compile(rb'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"([^"\\]+)"')


class Opening(NamedTuple):
    """What `connect` was called with, and where."""

    resource: Any
    model: str | None
    #: What the call passed, and the context it was made in.
    given: sessions.Identity
    context: Context


class Open(NamedTuple):
    """A call in flight."""

    call: Call
    lane: str | None = None
    #: The host asked for it here; other events can be of a response that was seen elsewhere too.
    asked: bool = False


def anywhere(kinds: Iterable[str]) -> re.Pattern[bytes]:
    """Finds an event of one of these types in a message, and now and then a text that looks like one."""
    return re.compile(rb'"type"\s*:\s*"(?:%s)"' % b"|".join(re.escape(kind.encode()) for kind in kinds))


def mapping(value: Any) -> dict[str, Any]:
    """`value` where it is an object of JSON, else one without anything."""
    return value if type(value) is dict else {}


def error_code(error: Any) -> str:
    """What an error that an event carries is called; never its message."""
    error = mapping(error)
    return text(error.get("code")) or text(error.get("type")) or "error"


class Follower:
    """Of one connection. Holds no reference to it: when it is dropped, so is this."""

    #: Type of event → what to do with it; messages of other types are not even parsed.
    reads: ClassVar[Mapping[str, Callable[[Any, dict[str, Any]], None]]]
    anywhere: ClassVar[re.Pattern[bytes]]

    def __init__(self, engine: Engine, opening: Opening) -> None:
        self._engine = engine
        self._opening = opening
        #: By the response's id.
        self._open: dict[str | None, Open] = {}

    @guard.guarded("telemetry_error")
    def received(self, message: bytes | str) -> None:
        """Take note of a message."""
        if isinstance(message, str):
            message = message.encode()
        head = _HEAD.match(message)
        if head is not None:
            if str(head[1], "latin-1") not in self.reads:
                return
        elif self.anywhere.search(message) is None:
            return
        if not self._engine.serves(self._opening.resource):
            return
        try:
            event = json.loads(message)
        except ValueError:  # not JSON: nothing to be known from it
            return
        kind = event.get("type") if type(event) is dict else None
        if type(kind) is str and (read := self.reads.get(kind)) is not None:
            read(self, event)

    def sending(self, event: Any) -> Call | None:
        """Take note of an event that is about to be sent; the call that it starts, if it does."""
        return None

    def unsent(self, call: Call, error: BaseException) -> None:
        """What started `call` was not sent."""

    @guard.guarded("telemetry_error")
    def broken(self, error: Exception) -> None:
        """Receiving raised `error`: where that is the end of the connection, it is that of its calls."""
        # Names, because `websockets` may not be there. A host may ask twice at once, or wait no longer.
        names = [base.__name__ for base in type(error).__mro__]
        if "ConnectionClosed" not in names:
            return
        for call in self._take():
            if "ConnectionClosedOK" in names:
                call.end()
            else:
                call.fail(error)

    @guard.guarded("telemetry_error")
    def end(self) -> None:
        """The host closed the connection, or itself ends."""
        for call in self._take():
            call.end()

    def __del__(self) -> None:
        for call in self._take():
            abandoned.end(call)

    def _take(self) -> Iterator[Call]:
        """The calls in flight, each taken off."""
        for response_id in list(self._open):
            opened = self._open.pop(response_id, None)  # another thread can be quicker
            if opened is not None:
                yield opened.call

    def _begin(self, surface: Surface, arguments: dict[str, Any], ago: float = 0.0) -> Call | None:
        return self._engine.begin_in(self._context(), surface, self._opening.resource, arguments, ago=ago)

    def _context(self) -> Context:
        """Where a call starts: in the span and the session of the host as it is now, else of the connect."""
        given, connected = self._opening.given, self._opening.context
        now = otel_context.get_current()
        identity, inner = sessions.identity_in(connected), sessions.identity_in(now)
        if inner is not sessions.from_environment():
            identity = inner.inside(identity)
        if trace.get_current_span(now).get_span_context().is_valid:
            connected = now
        return sessions.with_identity(given.inside(identity), connected)

    def _finish(self, opened: Open | None, surface: Surface, response: dict[str, Any]) -> None:
        """A response is done: bill it, unless it was."""
        response_id = text(response.get("id"))
        billed_now = response_id is None or billed.note(response_id)
        if not billed_now and (opened is None or not opened.asked):
            return  # what another connection began to follow too is left to fade: the span never ends
        call = self._begin(surface, {"model": self._requested(response)}) if opened is None else opened.call
        if call is not None:
            call.answer(response)

    def _requested(self, response: dict[str, Any]) -> str | None:
        """The model that was asked for, as far as a response that is seen for the first time tells."""
        return self._opening.model or text(response.get("model"))
