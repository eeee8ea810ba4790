"""Batches and the files they leave: the methods through which the application sees them, watched.

A finished batch's output file, when the application downloads it, is read for its calls on a thread of our
own (`batch_output`). What the methods return is never changed, and a stream is never read for the caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any

from infraprism import guard
from infraprism.openai import known_batches
from infraprism.openai.batch_output import Reader
from infraprism.openai.engine import Engine
from infraprism.openai.late import Place
from infraprism.openai.shells import Shell
from infraprism.openai.streams import give_back, on_close
from infraprism.pricing.usage import getter

_FILE_OF_PATH = re.compile(r"/files/([^/]+)/content$")


@guard.guarded("telemetry_error")
def _downloaded(place: Place, result: Any) -> None:
    """Have the content of a file read where it is there; else as the caller reads it."""
    if isinstance(result, str):  # what `retrieve_content` gives
        _read(Reader(place, None), result)
        return
    # Raw responses call it the one, the content of a file the other.
    response = getattr(result, "http_response", None) or getattr(result, "response", None)
    if response is None:
        return
    found = _FILE_OF_PATH.search(response.url.path)
    reader = Reader(place, None if found is None else found[1])
    if hasattr(response, "_content"):
        _read(reader, response.content)
    else:
        _Followed(response, reader)


def _read(reader: Reader, content: bytes | str) -> None:
    reader.feed(content)
    reader.finish()


class _Followed:
    """Shows `reader` the bytes of an HTTP response as its owner reads them, decoded."""

    def __init__(self, response: Any, reader: Reader) -> None:
        self._response = response
        self._reader = reader
        self._read, self._aread = response.iter_bytes, response.aiter_bytes
        response.iter_bytes, response.aiter_bytes = self._iter_bytes, self._aiter_bytes
        on_close(response, self._let_go)

    def _let_go(self) -> None:
        # These refer to the response, and would leave it to the collector.
        give_back(
            self._response,
            iter_bytes=(self._iter_bytes, self._read),
            aiter_bytes=(self._aiter_bytes, self._aread),
        )

    def _iter_bytes(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        self._let_go()
        for data in self._read(*args, **kwargs):
            self._reader.feed(data)
            yield data
        self._reader.finish()

    async def _aiter_bytes(self, *args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        self._let_go()
        async with aclosing(self._aread(*args, **kwargs)) as inner:
            async for data in inner:
                self._reader.feed(data)
                yield data
        self._reader.finish()


@guard.guarded("telemetry_error")
def _note(result: Any) -> None:
    """Take note of the batches that a method returned, whole or as a page of a list."""
    response = getattr(result, "http_response", None)
    if response is not None:
        if not hasattr(response, "_content"):
            return
        try:
            result = json.loads(response.content)
        except ValueError:  # no JSON: the caller will hear of it
            return
    get = getter(result)
    listed = get(result, "data", None)
    for batch in listed if isinstance(listed, list) else [result]:
        known_batches.note(batch)


def shells(engine: Engine) -> Iterator[tuple[str, str, Shell]]:
    """The module, the method of its sync resource, and the shell of it and of its async twin."""
    for method in ("retrieve", "cancel", "list"):
        yield "openai.resources.batches", f"Batches.{method}", _batch_shell(engine)
    for method in ("content", "retrieve_content"):
        yield "openai.resources.files", f"Files.{method}", _file_shell(engine)


def _batch_shell(engine: Engine) -> Shell:
    def shell(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = wrapped(*args, **kwargs)
        return _seen(result, _note) if engine.serves(instance) else result

    return shell


def _file_shell(engine: Engine) -> Shell:
    def shell(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not engine.serves(instance):
            return wrapped(*args, **kwargs)
        place = engine.place(instance, kwargs)
        result = wrapped(*args, **kwargs)
        return result if place is None else _seen(result, partial(_downloaded, place))

    return shell


def _seen(result: Any, see: Callable[[Any], object]) -> Any:
    """Show `result` to `see` before the caller gets it, or the page of an async list as it comes."""
    if hasattr(result, "_get_page"):
        _see_page(result, see)
    elif hasattr(result, "__await__"):
        return _seen_later(result, see)
    else:
        see(result)
    return result


async def _seen_later(result: Any, see: Callable[[Any], object]) -> Any:
    found = await result
    see(found)
    return found


@guard.guarded("telemetry_error")
def _see_page(pages: Any, see: Callable[[Any], object]) -> None:
    # An async list is awaited or iterated, and stays the object that can be both.
    get_page = partial(type(pages)._get_page, pages)

    async def seen_page() -> Any:
        vars(pages).pop("_get_page", None)
        return await _seen_later(get_page(), see)

    pages._get_page = seen_page
