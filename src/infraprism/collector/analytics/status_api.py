"""`GET /v1/status`: what became of what was received."""

from __future__ import annotations

from starlette.requests import Request

from infraprism.collector.analytics import parameters
from infraprism.collector.counters import Counters, told
from infraprism.collector.store.interface import Store
from infraprism.collector.wire import JSONAnswer


class StatusApi:
    """What became of what was received."""

    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters

    async def status(self, request: Request) -> JSONAnswer:
        """`GET /v1/status`: what became of everything received since the start."""
        parameters.none(request.query_params.multi_items())
        return JSONAnswer(told(self._store, self._counters))
