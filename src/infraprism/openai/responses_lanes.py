"""Responses connections: what their events say, and the calls that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from infraprism import guard, semconv
from infraprism.openai import billed
from infraprism.openai import request as requests
from infraprism.openai import response as replies
from infraprism.openai.call import Call
from infraprism.openai.followers import Follower, Open, Opening, anywhere, error_code
from infraprism.openai.response import Reply, text
from infraprism.openai.surfaces import Surface
from infraprism.pricing.usage import getter

if TYPE_CHECKING:
    from infraprism.openai.engine import Engine


def responses_event(event: Any, reply: Reply) -> None:
    """Read an event of a Responses websocket into `reply`."""
    if event.get("type") == "error":
        reply.error_type = error_code(event.get("error"))
        # The status of a request that was refused; once there is a response, it can have cost something.
        reply.refused = reply.id is None and type(event.get("status")) is int
    else:
        replies.response_event(event, reply)


RESPONSES = Surface(
    module="openai.resources.responses.responses",
    resource="Responses",
    method="connect",
    operation=semconv.OPERATION_CHAT,
    api_type="responses",
    request=requests.RESPONSES,
    response=replies.response,
    chunk=responses_event,
)


class ResponsesFollower(Follower):
    """Of a Responses connection. Its requests run in lanes, one response at a time in each."""

    def __init__(self, engine: Engine, opening: Opening) -> None:
        super().__init__(engine, opening)
        #: Calls asked for that have no response yet, the oldest first.
        self._waiting: list[Open] = []

    @guard.guarded("telemetry_error")
    def sending(self, event: Any) -> Call | None:
        """Start the call that `event` asks for, if it does."""
        get = getter(event)
        if get(event, "type", None) != "response.create" or not self._engine.serves(self._opening.resource):
            return None
        arguments = {name: get(event, name, None) for name in ("model", *RESPONSES.request)}
        call = self._begin(RESPONSES, arguments)
        if call is not None:
            lane = text(get(event, "stream_id", None))
            self._waiting.append(Open(call, lane, asked=True))
        return call

    @guard.guarded("telemetry_error")
    def unsent(self, call: Call, error: BaseException) -> None:
        """The host is told why; so is the call."""
        for opened in list(self._waiting):
            if opened.call is call:
                self._remove(opened)
        call.fail(error)

    def _take(self) -> Iterator[Call]:
        for opened in list(self._waiting):
            if self._remove(opened):
                yield opened.call
        yield from super()._take()

    def _next(self, lane: str | None) -> Open | None:
        """The call that the next response in a lane answers, taken off."""
        for opened in list(self._waiting):
            if opened.lane == lane and self._remove(opened):
                return opened
        return None

    def _remove(self, opened: Open) -> bool:
        try:
            self._waiting.remove(opened)
        except ValueError:  # another thread was quicker
            return False
        return True

    def _created(self, event: dict[str, Any]) -> None:
        response = event.get("response")
        response_id = text(response.get("id")) if type(response) is dict else None
        if response_id is None or response_id in self._open:
            return
        lane = text(event.get("stream_id"))
        opened = self._next(lane)
        if opened is not None:
            self._open[response_id] = opened
            opened.call.chunk(event)
        elif not billed.known(response_id):
            call = self._begin(RESPONSES, {"model": self._requested(event["response"])})
            if call is not None:
                self._open[response_id] = Open(call, lane)
                call.note(event)

    def _done(self, event: dict[str, Any]) -> None:
        response = event.get("response")
        if type(response) is not dict:
            return
        response_id = text(response.get("id"))
        opened = self._open.pop(response_id, None)
        if opened is None and not billed.known(response_id or ""):  # it was over before it was created
            opened = self._next(text(event.get("stream_id")))
        self._finish(opened, RESPONSES, response)

    def _error(self, event: dict[str, Any]) -> None:
        lane = text(event.get("stream_id"))
        opened = self._next(lane)
        if opened is None:
            running = [key for key, opened in list(self._open.items()) if opened.lane == lane]
            if len(running) == 1:  # else nobody can tell which of them it is about
                opened = self._open.pop(running[0], None)
        if opened is not None:
            opened.call.note(event)
            opened.call.end()

    reads: ClassVar = {
        "response.created": _created,
        "response.completed": _done,
        "response.failed": _done,
        "response.incomplete": _done,
        "response.cancelled": _done,
        "error": _error,
    }
    anywhere = anywhere(reads)
