"""A request's body as JSON: its text, or of a known form."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from infraprism.collector.ingest import bodies
from infraprism.collector.problems import Problem

T = TypeVar("T")


async def read(request: Request, form: type[T]) -> T:
    """The body as a `form`. Raises `Problem`: as `text`, or 400 that says what is wrong with it."""
    try:
        return msgspec.json.decode(await text(request), type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not what is asked for: {error}") from None


async def text(request: Request) -> bytes:
    """The body, which says that it is JSON. Raises `Problem`: 413, 415."""
    # A web page can send other types here from its visitor's browser, without being asked.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "Content-Type must be application/json")
    try:
        return await bodies.read(request)
    except bodies.TooLargeError as error:
        raise Problem(413, str(error)) from None
