"""Realtime connections: what their events say, and the calls that are made of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from infraprism import semconv
from infraprism.openai import billed
from infraprism.openai.followers import Follower, Open, Opening, anywhere, error_code, mapping
from infraprism.openai.response import Reply, text
from infraprism.openai.surfaces import Surface

if TYPE_CHECKING:
    from infraprism.openai.engine import Engine

#: Inputs whose transcription is awaited; beyond that the oldest is forgotten.
_AWAITED = 64
#: Final states of a response that say why in their details.
_EXPLAINED = frozenset({"incomplete", "cancelled"})
_TRANSCRIPTION_COMPLETED = "conversation.item.input_audio_transcription.completed"
_TRANSCRIPTION_FAILED = "conversation.item.input_audio_transcription.failed"


def realtime_response(source: Any, reply: Reply) -> None:
    """Read a response into `reply`; its model is the session's, which the caller has put there."""
    source = mapping(source)
    reply.id = text(source.get("id"))
    reply.model = text(source.get("model"))
    reply.usage_reported = source.get("usage")
    status = text(source.get("status"))
    details = mapping(source.get("status_details"))
    if status == "failed":
        reply.error_type = error_code(details.get("error"))
    elif status in _EXPLAINED:
        status = text(details.get("reason")) or status
    if status is not None and status != "in_progress":
        reply.finish(0, status)


def transcription(event: Any, reply: Reply) -> None:
    """Read the end of an input's transcription into `reply`."""
    reply.usage_reported = event.get("usage")
    if event.get("type") == _TRANSCRIPTION_FAILED:
        reply.error_type = error_code(event.get("error"))


def _session_model(event: dict[str, Any]) -> str | None:
    """The model that answers, from an event that carries the session."""
    return text(mapping(event.get("session")).get("model"))


def _transcription_model(event: dict[str, Any]) -> str | None:
    """The model that writes down what is said, from an event that carries the session."""
    session = mapping(event.get("session"))
    listening = mapping(mapping(session.get("audio")).get("input")).get("transcription")
    # The beta API had it at the top.
    return text(mapping(listening or session.get("input_audio_transcription")).get("model"))


_MODULE = "openai.resources.realtime.realtime"

REALTIME = Surface(
    module=_MODULE,
    resource="Realtime",
    method="connect",
    operation=semconv.OPERATION_CHAT,
    api_type=None,
    request={},
    response=realtime_response,
    chunk=realtime_response,
)
TRANSCRIPTION = Surface(
    module=_MODULE,
    resource="Realtime",
    method="connect",
    operation=semconv.OPERATION_TRANSCRIPTION,
    api_type=None,
    request={},
    response=transcription,
    chunk=transcription,
)


class RealtimeFollower(Follower):
    """Of a Realtime connection: responses, and transcriptions of what is said."""

    def __init__(self, engine: Engine, opening: Opening) -> None:
        super().__init__(engine, opening)
        self._model: str | None = None
        self._transcriber: str | None = None
        #: When the audio of an input was complete, by the input's id.
        self._committed: dict[str, float] = {}

    def _session(self, event: dict[str, Any]) -> None:
        self._model = _session_model(event) or self._model
        self._transcriber = _transcription_model(event)

    def _created(self, event: dict[str, Any]) -> None:
        response = self._response(event)
        response_id = text(response.get("id"))
        if response_id is None or response_id in self._open or billed.known(response_id):
            return
        call = self._begin(REALTIME, {"model": self._requested(response)})
        if call is not None:
            self._open[response_id] = Open(call)
            call.note(response)

    def _done(self, event: dict[str, Any]) -> None:
        response = self._response(event)
        if response:
            self._finish(self._open.pop(text(response.get("id")), None), REALTIME, response)

    def _response(self, event: dict[str, Any]) -> dict[str, Any]:
        response = event.get("response")
        return {"model": self._model, **response} if type(response) is dict and response else {}

    def _heard(self, event: dict[str, Any]) -> None:
        item_id = text(event.get("item_id"))
        if item_id is not None:
            self._committed[item_id] = time.perf_counter()
            if len(self._committed) > _AWAITED:
                del self._committed[next(iter(self._committed))]

    def _transcribed(self, event: dict[str, Any]) -> None:
        item_id = text(event.get("item_id"))
        if item_id is not None and not billed.note(item_id):
            return
        now = time.perf_counter()
        ago = now - self._committed.pop(item_id or "", now)
        call = self._begin(TRANSCRIPTION, {"model": self._transcriber}, ago)
        if call is not None:
            call.answer(event)

    reads: ClassVar = {
        "session.created": _session,
        "session.updated": _session,
        "transcription_session.created": _session,
        "transcription_session.updated": _session,
        "response.created": _created,
        "response.done": _done,
        "input_audio_buffer.committed": _heard,
        _TRANSCRIPTION_COMPLETED: _transcribed,
        _TRANSCRIPTION_FAILED: _transcribed,
    }
    anywhere = anywhere(reads)
