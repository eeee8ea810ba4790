"""Streams, observed on the object itself: it stays what `isinstance` says, however it is read or closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infraprism import guard
from infraprism.openai import abandoned
from infraprism.openai.observer import Observer


def observe_stream(call: Observer, stream: Any) -> None:
    """Let `call` see the chunks and the end of a `Stream` or `AsyncStream`."""
    if isinstance(stream._iterator, _Observed):
        return  # a raw response gives the same stream each time it is asked for
    observed = _ObservedIterator if hasattr(stream._iterator, "__next__") else _ObservedAsyncIterator
    abandoned.watch()
    call.streams()
    iterator = stream._iterator = observed(call, stream._iterator)
    iterator.closing = on_close(stream.response, iterator.closed)


def on_close(response: Any, closed: Callable[[], None]) -> Closing:
    """Have `closed` called once an HTTP response has been closed, by whatever road."""
    closing = Closing(response, closed)
    response.close, response.aclose = closing.close, closing.aclose
    return closing


class Closing:
    """The ways to close an HTTP response, watched; a class, so that nothing of it refers to itself."""

    __slots__ = ("_aclose", "_close", "_closed", "_done", "_response")

    def __init__(self, response: Any, closed: Callable[[], None]) -> None:
        self._response = response
        self._close, self._aclose = response.close, response.aclose
        self._closed = closed
        self._done = False

    def close(self) -> None:
        """Close the response."""
        try:
            self._close()
        finally:
            self._notify()

    async def aclose(self) -> None:
        """Close the async client's response."""
        try:
            await self._aclose()
        finally:
            self._notify()

    @guard.guarded("telemetry_error")
    def _notify(self) -> None:
        self.release()
        self._closed()

    @guard.guarded("telemetry_error")
    def release(self) -> None:
        """Watch no more. What was put on the response refers to it, and would leave it to the collector."""
        self._done = True
        close, aclose = self._close, self._aclose
        while isinstance(inner := getattr(close, "__self__", None), Closing) and inner._done:
            close, aclose = inner._close, inner._aclose
        give_back(self._response, close=(self.close, close), aclose=(self.aclose, aclose))


def give_back(response: Any, **methods: tuple[Any, Any]) -> None:
    """Give an HTTP response its own methods back: by name, ours and what was there.

    What others have put around ours in the meantime is theirs, and stays.
    """
    kept = vars(response)
    for name, (ours, before) in methods.items():
        if kept.get(name) == ours:
            if getattr(before, "__self__", None) is response:
                del kept[name]
            else:
                kept[name] = before


class _Observed:
    """The inner iterator of a stream, seen by its call."""

    __slots__ = ("_call", "_hide", "_inner", "_pulling", "_see", "closing")

    def __init__(self, call: Observer, inner: Any) -> None:
        self._call = call
        self._see = call.reads
        self._hide: Callable[[Any], object] | None = call.hide if call.hides else None
        self._inner = inner
        self._pulling = False
        #: How the response is watched; not every client closes it when its stream ends.
        self.closing: Closing | None = None

    def closed(self) -> None:
        """The connection was closed: by the reader or the collector, unless it was inside of a step."""
        if not self._pulling:
            abandoned.end(self._call)

    def stop(self, error: BaseException | None) -> None:
        """The stream is over, with `error` where that is why."""
        if error is None:
            self._call.end()
        else:
            self._call.fail(error)
        if self.closing is not None:
            self.closing.release()
            self.closing = None

    def __del__(self) -> None:
        abandoned.end(self._call)


class _ObservedIterator(_Observed):
    """Of a `Stream`."""

    __slots__ = ()

    def __iter__(self) -> _ObservedIterator:
        return self

    def __next__(self) -> Any:
        while True:
            self._pulling = True
            try:
                item = next(self._inner)
            except StopIteration:
                self.stop(None)
                raise
            except BaseException as error:
                self.stop(error)
                raise
            self._pulling = False
            try:  # as `guarded` does, without one more function around each chunk
                self._see(item)
            except Exception as error:  # noqa: BLE001
                guard.failed("telemetry_error", error)
            if self._hide is None or not self._hide(item):
                return item

    def close(self) -> None:
        """Close the generator underneath, as the iterator that was replaced could be."""
        self._inner.close()


class _ObservedAsyncIterator(_Observed):
    """Of an `AsyncStream`."""

    __slots__ = ()

    def __aiter__(self) -> _ObservedAsyncIterator:
        return self

    async def __anext__(self) -> Any:
        while True:
            self._pulling = True
            try:
                item = await anext(self._inner)
            except StopAsyncIteration:
                self.stop(None)
                raise
            except BaseException as error:
                self.stop(error)
                raise
            self._pulling = False
            try:  # as `guarded` does, without one more function around each chunk
                self._see(item)
            except Exception as error:  # noqa: BLE001
                guard.failed("telemetry_error", error)
            if self._hide is None or not self._hide(item):
                return item

    async def aclose(self) -> None:
        """Close the generator underneath, as the iterator that was replaced could be."""
        await self._inner.aclose()
