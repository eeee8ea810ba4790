"""One line of a batch's output as a call, at batch price, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infraprism import semconv
from infraprism.openai import billed, late, media
from infraprism.openai import response as replies
from infraprism.openai.charge import cost_of
from infraprism.openai.known_batches import Batch
from infraprism.openai.request import exportable
from infraprism.openai.response import Reply
from infraprism.openai.surfaces import Reader, Surface
from infraprism.openai.target import target_of
from infraprism.sessions import MAX_ID_LENGTH


def _surface(operation: str, read: Reader, api_type: str | None = None, *, free: bool = False) -> Surface:
    return Surface(
        "openai.resources.batches", "Batches", "create", operation, read, api_type=api_type, free=free
    )


def _other(source: dict[str, Any], reply: Reply) -> None:
    """Read what all responses have; the usage of an unknown kind of response has an unknown meaning."""
    replies.plain({**source, "usage": None}, reply)


_CHAT = _surface(semconv.OPERATION_CHAT, replies.chat, "chat_completions")
_RESPONSES = _surface(semconv.OPERATION_CHAT, replies.response, "responses")
_EMBEDDINGS = _surface(semconv.OPERATION_EMBEDDINGS, replies.plain)
_COMPLETIONS = _surface(semconv.OPERATION_TEXT_COMPLETION, replies.chat)
_MODERATIONS = _surface(semconv.OPERATION_MODERATION, replies.plain, free=True)
_IMAGES = _surface(semconv.OPERATION_IMAGE_GENERATION, media.images)
_OTHER = _surface(semconv.OPERATION_BATCH_REQUEST, _other)
#: What was asked for, by the `object` of the response, or else by the endpoint of the batch.
_BY_OBJECT = {
    "chat.completion": _CHAT,
    "response": _RESPONSES,
    "list": _EMBEDDINGS,
    "text_completion": _COMPLETIONS,
}
_BY_ENDPOINT = {
    "/chat/completions": _CHAT,
    "/responses": _RESPONSES,
    "/embeddings": _EMBEDDINGS,
    "/completions": _COMPLETIONS,
    "/moderations": _MODERATIONS,
    "/images/generations": _IMAGES,
    "/images/edits": _IMAGES,
}


def record(place: late.Place, batch: Batch, line: dict[str, Any]) -> bool:
    """Record the call of one line of the output of `batch`; False where it was recorded before."""
    response = line.get("response") or {}
    body = response.get("body")
    body = body if isinstance(body, dict) else {}
    status = response.get("status_code")
    key = _text(line.get("id")) or _text(response.get("request_id")) or _text(body.get("id"))
    if key is not None and not billed.note(key):
        return False
    asked = _BY_ENDPOINT.get((batch.endpoint or "").removeprefix("/v1"), _OTHER)
    reply = Reply()
    usage = cost = None
    began, ended = _times(batch, body)
    if line.get("error") or not isinstance(status, int) or not 200 <= status < 400:
        reply.error_type = _error_type(line.get("error") or body.get("error"), status)
    else:
        kind = body.get("object")
        asked = _BY_OBJECT.get(kind, asked) if isinstance(kind, str) else asked
        asked.response(body, reply)
        usage = reply.usage()
        cost = cost_of(
            asked,
            place.server,
            place.identity,
            reply,
            usage,
            asked_model=batch.model,
            at=began,
            batch=True,
        )
    beside: dict[str, str | bool] = {semconv.BATCH_REQUEST: True}
    if batch.id is not None:
        beside[semconv.BATCH_ID] = batch.id
    if (custom_id := _text(line.get("custom_id"))) is not None:
        beside[semconv.BATCH_CUSTOM_ID] = custom_id
    late.record(
        place,
        target_of(asked, place.server, batch.model or reply.model),
        reply,
        usage,
        cost,
        late.Times(began, ended, measured=False),
        beside,
    )
    return True


def _times(batch: Batch, body: dict[str, Any]) -> tuple[datetime, datetime]:
    """When the batch ran, or else when the response was made, as far as it is known."""
    created = late.time_of(body.get("created")) or late.time_of(body.get("created_at"))
    completed = late.time_of(body.get("completed_at"))
    began = batch.began or created or datetime.now(UTC)
    ended = batch.ended or completed or created or began
    return began, max(began, ended)


def _error_type(error: Any, status: Any) -> str:
    code = error.get("code") if isinstance(error, dict) else None
    return _text(code) or (str(status) if isinstance(status, int) else "error")


def _text(value: Any) -> str | None:
    """A text short enough for an id, and fit to be exported."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
        return None
    return exportable(value)
