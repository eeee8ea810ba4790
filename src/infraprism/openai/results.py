"""What a method returned, observed without being changed: the caller gets the very object."""

from __future__ import annotations

from functools import cache
from typing import Any

from infraprism import guard
from infraprism.openai.observer import Observer
from infraprism.openai.raw import RawResponse
from infraprism.openai.streams import observe_stream


def observe(call: Observer, result: Any) -> None:
    """Let `call` see what comes of `result`: a whole response, a stream, or a raw response of either."""
    if type(result) in _whole:
        call.answer(result)
    elif not _observe(call, result):
        call.end()


#: Types of results that turned out to be whole responses: the client's models.
_whole: set[type] = set()


@guard.guarded("telemetry_error")
def _observe(call: Observer, result: Any) -> bool:
    if isinstance(result, _streams()):
        observe_stream(call, result)
    elif "http_response" in getattr(result, "__dict__", ()):
        RawResponse(call, result, observe)
    else:
        call.answer(result)
        if type(result).__module__.startswith("openai.types."):
            _whole.add(type(result))
    return True


@cache
def _streams() -> tuple[type, ...]:
    from openai import AsyncStream, Stream

    return Stream, AsyncStream
