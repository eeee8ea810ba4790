"""Raw responses, followed until their body has been read, by whatever road, or their connection closed.

The client has three: `LegacyAPIResponse`, whose body is there already unless it is a stream, and
`APIResponse` and its async twin, whose body the caller reads. Every way to read one that is not there yet
goes through the HTTP response's `iter_bytes` or `aiter_bytes`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from infraprism import guard
from infraprism.openai import abandoned
from infraprism.openai.observer import Observer
from infraprism.openai.streams import give_back, on_close

#: Bytes of a document, or of an event, that are kept to be read: what is larger is the caller's alone.
_LARGEST = 64 * 1024 * 1024


class RawResponse:
    """Lets `call` see what becomes of the raw response `result`.

    `observe` is what follows a stream that the caller parses it into.
    """

    def __init__(self, call: Observer, result: Any, observe: Callable[[Observer, Any], None]) -> None:
        self._call = call
        self._observe = observe
        self._response = response = result.http_response
        self._body = _Body(call, response.headers.get("content-type", ""))
        self._pulling = False  # inside of a step: closing the connection is no end
        if hasattr(response, "_content"):
            self._body.feed(response.content)
            self._body.end()
            return
        # `LegacyAPIResponse` calls it the one, the others the other.
        if getattr(result, "_stream", False) is True or getattr(result, "_is_sse_stream", False) is True:
            self._follow_parse(result)
        self._read, self._aread = response.iter_bytes, response.aiter_bytes
        response.iter_bytes, response.aiter_bytes = self._iter_bytes, self._aiter_bytes
        abandoned.watch()
        abandoned.end_at_exit(call)
        self._closing = on_close(response, self._closed)

    def _follow_parse(self, result: Any) -> None:
        parse = result.parse

        def observed_parse(*args: Any, **kwargs: Any) -> Any:
            parsed = parse(*args, **kwargs)
            return self._parsed_later(parsed) if hasattr(parsed, "__await__") else self._parsed(parsed)

        result.parse = observed_parse

    def _parsed(self, stream: Any) -> Any:
        self._let_go()
        self._pulling = True  # from here on the stream's own end counts
        self._observe(self._call, stream)
        return stream

    async def _parsed_later(self, awaitable: Any) -> Any:
        return self._parsed(await awaitable)

    def _iter_bytes(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        inner = self._read(*args, **kwargs)
        try:
            while True:
                self._pulling = True
                data = next(inner, None)
                if data is None:
                    break
                self._pulling = False
                self._body.feed(data)
                yield data
        except GeneratorExit:
            abandoned.end(self._call)
            raise
        except BaseException as error:
            self._call.fail(error)
            self._let_go()  # not every client closes the response then
            raise
        self._body.end()

    async def _aiter_bytes(self, *args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        inner = self._aread(*args, **kwargs)
        try:
            while True:
                self._pulling = True
                data = await anext(inner, None)
                if data is None:
                    break
                self._pulling = False
                self._body.feed(data)
                yield data
        except GeneratorExit:
            abandoned.end(self._call)
            raise
        except BaseException as error:
            self._call.fail(error)
            self._let_go()  # not every client closes the response then
            raise
        self._body.end()

    def _closed(self) -> None:
        self._let_go()
        if not self._pulling:
            abandoned.end(self._call)

    def _let_go(self) -> None:
        self._closing.release()
        give_back(
            self._response,
            iter_bytes=(self._iter_bytes, self._read),
            aiter_bytes=(self._aiter_bytes, self._aread),
        )

    def __del__(self) -> None:
        if not self._pulling:  # else the stream that it was parsed into knows how the call ends
            abandoned.end(self._call)


class _Body:
    """What the bytes of a body say: one JSON document, the events of a stream, or nothing to us."""

    def __init__(self, call: Observer, content_type: str) -> None:
        self._call = call
        self._is_stream = content_type.startswith("text/event-stream")
        self._keeps = self._is_stream or "json" in content_type
        #: Pieces of a document, of a line that is not complete, and the data of an event that is not.
        self._pending: list[bytes] = []
        self._kept = 0
        self._data: list[bytes] = []
        if self._is_stream:
            call.streams()

    @guard.guarded("telemetry_error")
    def feed(self, data: bytes) -> None:
        """Take note of a piece."""
        if not self._keeps or not data:
            return
        self._kept += len(data)
        if self._kept > _LARGEST:
            self._keeps, self._pending, self._data = False, [], []
            return
        self._pending.append(data)
        if self._is_stream and (b"\n" in data or b"\r" in data):
            lines = b"".join(self._pending).splitlines(keepends=True)
            # The last one goes on, or its `\r` may be half of an end.
            self._pending = [] if lines[-1].endswith(b"\n") else [lines.pop()]
            self._kept = sum(map(len, self._pending)) + sum(map(len, self._data))
            for line in lines:
                self._line(line)

    @guard.guarded("telemetry_error")
    def end(self) -> None:
        """End the call: the body is complete."""
        try:
            rest = b"".join(self._pending)
            if self._is_stream:
                self._line(rest)
                self._line(b"")
            elif self._keeps:
                self._call.answer(json.loads(rest))
        except ValueError:  # no JSON after all: nothing to be known from it
            pass
        finally:
            self._pending, self._data = [], []
            self._call.end()

    def _line(self, line: bytes) -> None:
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            self._data.append(line[5:])
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            try:
                event = json.loads(data)
            except ValueError:  # the end of the stream, or one that the caller reads otherwise
                return
            self._call.chunk(event)
