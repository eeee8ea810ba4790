"""What a method returned, observed without being changed: the caller gets the very object."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from infraprism import guard
from infraprism.openai import abandoned
from infraprism.openai.call import Call
from infraprism.openai.streams import observe_stream, on_close


def observe(call: Call, result: Any) -> None:
    """Let `call` see what comes of `result`: a whole response, a stream, or a raw response of either."""
    if type(result) in _whole:
        call.answer(result)
    elif not _observe(call, result):
        call.end()


#: Types of results that turned out to be whole responses: the client's models.
_whole: set[type] = set()


@guard.guarded("telemetry_error")
def _observe(call: Call, result: Any) -> bool:
    if isinstance(result, _streams()):
        observe_stream(call, result)
    elif "http_response" in getattr(result, "__dict__", ()):
        _RawResponse(call, result)
    else:
        call.answer(result)
        if type(result).__module__.startswith("openai.types."):
            _whole.add(type(result))
    return True


@cache
def _streams() -> tuple[type, ...]:
    from openai import AsyncStream, Stream

    return Stream, AsyncStream


class _RawResponse:
    """Follows a raw response until its body has been read or its connection closed.

    The client has three: `LegacyAPIResponse`, whose body is there already unless it is a stream, and
    `APIResponse` and its async twin, whose body the caller reads.
    """

    def __init__(self, call: Call, result: Any) -> None:
        self._call = call
        self._busy = False  # the body is being read, or is a stream's: closing the connection is no end
        self._response = result.http_response
        # `LegacyAPIResponse` calls it the one, the others the other.
        if getattr(result, "_stream", False) is True or getattr(result, "_is_sse_stream", False) is True:
            self._follow_parse(result)
        elif hasattr(self._response, "_content"):
            self._read()
            return
        else:
            self._follow_read()
        abandoned.watch()
        on_close(self._response, self._closed)

    def _follow_parse(self, result: Any) -> None:
        parse = result.parse

        def observed_parse(*args: Any, **kwargs: Any) -> Any:
            parsed = parse(*args, **kwargs)
            return self._parsed_later(parsed) if hasattr(parsed, "__await__") else self._parsed(parsed)

        result.parse = observed_parse

    def _parsed(self, stream: Any) -> Any:
        self._busy = True
        observe(self._call, stream)
        return stream

    async def _parsed_later(self, awaitable: Any) -> Any:
        return self._parsed(await awaitable)

    def _follow_read(self) -> None:
        read, aread = self._response.read, self._response.aread

        def observed_read() -> Any:
            self._busy = True
            try:
                content = read()
            except BaseException as error:
                self._call.fail(error)
                raise
            self._read()
            return content

        async def observed_aread() -> Any:
            self._busy = True
            try:
                content = await aread()
            except BaseException as error:
                self._call.fail(error)
                raise
            self._read()
            return content

        self._response.read, self._response.aread = observed_read, observed_aread

    @guard.guarded("telemetry_error")
    def _read(self) -> None:
        try:
            body = json.loads(self._response.content)
        except ValueError:  # not JSON: nothing to be known from it
            self._call.end()
        else:
            self._call.answer(body)

    def _closed(self) -> None:
        if not self._busy:
            abandoned.end(self._call)

    def __del__(self) -> None:
        abandoned.end(self._call)
