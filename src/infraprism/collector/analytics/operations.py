"""A question as a route: its path, its parameters, what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infraprism.collector.access.scopes import scoped
from infraprism.collector.analytics import declared
from infraprism.collector.analytics.declared import Parameter
from infraprism.collector.store.interface import Connection, Store

T = TypeVar("T")
#: Questions that are asked at the same time.
_AT_ONCE: Final = 4


@dataclass(frozen=True)
class Operation:
    """One `GET`. `answer` gets the request and the values of its parameters."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Request, dict[str, Any]], Awaitable[Response]]

    async def respond(self, request: Request) -> Response:
        """Read the parameters, and answer."""
        return await self.answer(request, declared.read(request.query_params.multi_items(), self.parameters))

    def route(self) -> BaseRoute:
        """The route, for who may read."""
        return scoped(Route(self.path, self.respond, methods=["GET"]), "read")


class Asking:
    """Puts questions to a store, in threads, each on a connection of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """The answer to `question`. Raises `Problem` where the store has none."""

        def asked() -> T:
            with self._store.reader() as connection:
                return question(connection)

        return await anyio.to_thread.run_sync(asked, limiter=self._limiter)
