"""Live connections: the session is one call, and so is each response that it delegates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from infraprism import semconv
from infraprism.openai import billed
from infraprism.openai.call import Call
from infraprism.openai.followers import Follower, Open, Opening, anywhere, mapping
from infraprism.openai.realtime import realtime_response
from infraprism.openai.response import Reply, text
from infraprism.openai.responses_lanes import ResponsesFollower
from infraprism.openai.surfaces import Surface

if TYPE_CHECKING:
    from infraprism.openai.engine import Engine


def live_session(source: dict[str, Any], reply: Reply) -> None:
    """Read the state of a session into `reply`; what it reports before it is over is less than it will be."""
    realtime_response(source, reply)
    reply.billed_items = () if source["status"] is not None else ("session_so_far",)


LIVE = Surface(
    module="openai.resources.live.live",
    resource="Live",
    method="connect",
    operation=semconv.OPERATION_CHAT,
    api_type=None,
    request={},
    response=live_session,
    chunk=live_session,
)


class LiveFollower(ResponsesFollower):
    """Of a Live connection, whether it is the session's first or joins from the side."""

    def __init__(self, engine: Engine, opening: Opening) -> None:
        super().__init__(engine, opening)
        self._session: dict[str, Any] = {}

    def sending(self, event: Any) -> Call | None:
        """What is sent asks the session, which then delegates: a response begins as it is told of."""
        return Follower.sending(self, event)

    def _state(self, event: dict[str, Any]) -> dict[str, Any]:
        """The session as a response: its usage is that of all of it so far, its reason why it ended."""
        self._session = mapping(event.get("session")) or self._session
        return {
            "id": text(self._session.get("id")),
            "model": text(self._session.get("model")),
            "usage": event.get("usage"),
            "status": text(event.get("reason")) or ("closed" if event["type"] == "session.closed" else None),
        }

    def _started(self, event: dict[str, Any]) -> None:
        state = self._state(event)
        session_id = state["id"]
        if session_id is None or session_id in self._open or billed.known(session_id):
            return
        call = self._begin(LIVE, {"model": self._requested(state)})
        if call is not None:
            self._open[session_id] = Open(call)
            call.note(state)

    def _used(self, event: dict[str, Any]) -> None:
        state = self._state(event)
        opened = self._open.get(state["id"])
        if opened is not None:
            opened.call.note(state)

    def _over(self, event: dict[str, Any]) -> None:
        state = self._state(event)
        self._finish(self._open.pop(state["id"], None), LIVE, state)

    def _delegated(self, event: dict[str, Any]) -> None:
        inner = mapping(event.get("event"))
        kind = text(inner.get("type"))
        if kind is not None and kind != "error" and (read := ResponsesFollower.reads.get(kind)) is not None:
            read(self, inner)

    reads: ClassVar = {
        "session.started": _started,
        "session.usage.updated": _used,
        "session.closed": _over,
        "response.event": _delegated,
    }
    anywhere = anywhere(reads)
