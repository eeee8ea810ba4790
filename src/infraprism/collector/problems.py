"""Errors of the HTTP API, in the form of RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from infraprism.collector.wire import JSONAnswer

#: Seconds after which whoever was not served should try again.
RETRY_AFTER: Final = "1"


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An error that the client is told about; `members` are added to the problem's own."""

    def __init__(self, status: int, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members


def answer(status: int, detail: str, headers: dict[str, str] | None = None, **members: Any) -> JSONAnswer:
    """The response that tells of one problem."""
    return JSONAnswer(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            **members,
        },
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


async def on_problem(request: Request, error: Exception) -> JSONAnswer:
    """Starlette's handler for `Problem`."""
    assert isinstance(error, Problem)
    return answer(error.status, error.detail, **error.members)


async def on_no_answer(request: Request, error: Exception) -> JSONAnswer:
    """Starlette's handler for what could not be answered now; the error is one line that says why."""
    return answer(503, str(error), {"Retry-After": RETRY_AFTER})


async def on_http_exception(request: Request, error: Exception) -> JSONAnswer:
    """Starlette's handler for what its router raises: no such route, no such method."""
    assert isinstance(error, HTTPException)
    details = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.url.path} does not answer {request.method}",
    }
    headers = dict(error.headers) if error.headers else None
    return answer(error.status_code, details.get(error.status_code, error.detail), headers)


async def on_failure(request: Request, error: Exception) -> JSONAnswer:
    """Starlette's handler for everything else; Starlette logs the traceback."""
    return answer(500, "the collector failed to answer; its log says why")
