"""A request's body as JSON of a known form."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from infraprism.collector.ingest import bodies
from infraprism.collector.problems import Problem

T = TypeVar("T")


async def read(request: Request, form: type[T]) -> T:
    """The body as a `form`. Raises `Problem`: 413, 415, or 400 that says what is wrong with it."""
    # A web page can send other types here from its visitor's browser, without being asked.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "Content-Type must be application/json")
    try:
        return msgspec.json.decode(await bodies.read(request), type=form)
    except bodies.TooLargeError as error:
        raise Problem(413, str(error)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not what is asked for: {error}") from None
