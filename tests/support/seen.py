"""All that a host can see of what the client gives it, as plain values that compare."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

#: What an error of the client tells beside its arguments.
_OF_ERRORS = ("message", "body", "code", "param", "type", "status_code", "request_id", "completion")


async def maybe(value: Any) -> Any:
    """`value`, of a sync client; what it comes to, of an async one."""
    return await value if inspect.isawaitable(value) else value


@contextlib.asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """Inside of a context manager of either client."""
    if hasattr(manager, "__enter__"):
        with manager as inside:
            yield inside
    else:
        async with manager as inside:
            yield inside


async def items(source: Any) -> AsyncIterator[Any]:
    """The items of an iterable of either client."""
    if hasattr(source, "__aiter__"):
        async for item in source:
            yield item
    else:
        for item in source:
            yield item


def value(thing: Any) -> Any:
    """A model with all that is set in it, however deep; a float by its looks, for NaN."""
    if isinstance(thing, BaseModel):
        inside = {**vars(thing), **(thing.model_extra or {})}
        return (
            type(thing),
            sorted(thing.model_fields_set),
            {name: value(inner) for name, inner in inside.items()},
            getattr(thing, "_request_id", None),
        )
    if isinstance(thing, dict):
        return {name: value(inner) for name, inner in thing.items()}
    if isinstance(thing, list | tuple):
        return type(thing), [value(inner) for inner in thing]
    if isinstance(thing, float):
        return repr(thing)
    if hasattr(thing, "response") and hasattr(thing, "content"):  # a binary response
        return type(thing), thing.content, response(thing.response)
    return thing if thing is None or isinstance(thing, str | bytes | int) else (type(thing), str(thing))


def response(got: Any) -> Any:
    """An HTTP response."""
    return (
        type(got),
        got.status_code,
        str(got.url),
        got.headers.raw,
        got.is_closed,
        sorted(name for name in vars(got) if name in ("close", "aclose", "iter_bytes", "aiter_bytes")),
    )


def raw(got: Any) -> Any:
    """A raw response of the client."""
    return type(got), got.status_code, got.request_id, got.retries_taken, str(got.url), got.headers.raw


def error(raised: BaseException | None) -> Any:
    """An exception, with what caused it."""
    if raised is None:
        return None
    answered = getattr(raised, "response", None)
    request = getattr(raised, "request", None) if hasattr(raised, "body") else None
    return (
        type(raised),
        [value(argument) for argument in raised.args],
        str(raised),
        {name: value(getattr(raised, name)) for name in _OF_ERRORS if hasattr(raised, name)},
        None if answered is None else response(answered),
        None if request is None else (request.method, str(request.url)),
        raised.__suppress_context__,
        error(raised.__cause__),
        None if raised.__context__ is raised.__cause__ else error(raised.__context__),
    )
