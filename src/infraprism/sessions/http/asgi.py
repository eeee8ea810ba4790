"""Requests of an ASGI application (Starlette, FastAPI, Django, Quart …) in their sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from infraprism.sessions.http.reading import Reading, Source
from infraprism.sessions.identity import Id

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class ASGISessions:
    """Middleware: serves each HTTP request of `app` in the session, entity and tags that it says.

    The arguments are those of `infraprism.session`, each a fixed value or a `Header` or `Cookie` that has it;
    a value that cannot be used is ignored, and counted as ``invalid_inbound``. The response, websockets and
    the lifespan are not touched.

    Raises:
        TypeError, ValueError: a fixed value is wrong; the message names the argument.
    """

    def __init__(
        self,
        app: _App,
        *,
        session_id: Id | Source | None = None,
        entity_type: str | Source | None = None,
        entity_id: Id | Source | None = None,
        tags: Mapping[str, str | Source] | None = None,
    ) -> None:
        self._app = app
        self._reading = Reading(session_id, entity_type, entity_id, tags)

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serve one connection."""
        block = None
        if scope["type"] == "http":
            block = self._reading.block(lambda name: _header(scope, name))
        if block is None:
            await self._app(scope, receive, send)
        else:
            with block:
                await self._app(scope, receive, send)


def _header(scope: _Scope, name: str) -> bytes | None:
    wanted = name.encode()
    found = [value for known, value in scope["headers"] if known == wanted]
    # One header in several pieces is put together again, as WSGI servers do.
    return (b";" if name == "cookie" else b",").join(found) if found else None
