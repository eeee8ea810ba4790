"""The routes that explain one call, and that price stored calls again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import anyio
from starlette.requests import Request

from infraprism import semconv
from infraprism.collector import json_body
from infraprism.collector.analytics import explanations, parameters
from infraprism.collector.problems import Problem
from infraprism.collector.recosts import recost, recost_answers
from infraprism.collector.store import history
from infraprism.collector.store.interface import ChangeRunningError, Store
from infraprism.collector.wire import JSONAnswer
from infraprism.pricing import Book, PriceFileError, load

CALLS: Final = "/v1/analytics/calls"
RECOSTS: Final = "/v1/analytics/recosts"


class HistoryApi:
    """The routes' handlers. `prices`: the file of the user's own, read when it is needed."""

    def __init__(self, store: Store, prices: Path | None) -> None:
        self._store = store
        self._prices = prices
        self._queries = anyio.CapacityLimiter(4)
        # Whoever comes second is refused, and must not wait for the first.
        self._changes = anyio.CapacityLimiter(2)

    async def call(self, request: Request) -> JSONAnswer:
        """`GET /v1/analytics/calls/{trace_id}/{span_id}`: a call, and how its cost came about."""
        parameters.none(request.query_params.multi_items())
        trace_id, span_id = parameters.call_ids(request.path_params["ids"])

        def query() -> dict[str, Any]:
            own = self._own()
            with self._store.reader() as connection:
                found = history.call(connection, trace_id, span_id)
            if found is None:
                raise Problem(404, f"there is no call {trace_id}/{span_id}")
            return explanations.call(*found, None if own is None else own.display)

        return JSONAnswer(await self._in_thread(query, self._queries))

    async def recosts(self, request: Request) -> JSONAnswer:
        """`GET /v1/analytics/recosts`: what was priced again, the last first."""
        limit = parameters.recost_list(request.query_params.multi_items())

        def query() -> list[history.Recost]:
            with self._store.reader() as connection:
                return history.recosts(connection, limit + 1)

        rows = await self._in_thread(query, self._queries)
        data = [recost_answers.row(row) for row in rows[:limit]]
        return JSONAnswer({"data": data, "has_more": len(rows) > limit})

    async def recost(self, request: Request) -> JSONAnswer:
        """`POST /v1/analytics/recosts`: price stored calls again, or see what that would change."""
        parameters.none(request.query_params.multi_items())
        wanted, dry_run = parameters.recost(await json_body.text(request))

        def change() -> dict[str, Any]:
            own = self._own()
            with self._store.recosting() as recosting:
                result = recost.run(
                    recosting,
                    wanted,
                    own,
                    at=time.time_ns(),
                    dry_run=dry_run,
                    stopping=lambda: self._store.closing,
                )
            return recost_answers.result(result, dry_run=dry_run)

        try:
            return JSONAnswer(await self._in_thread(change, self._changes))
        except ChangeRunningError:
            raise Problem(409, "another recost is running; wait until it has ended") from None
        except recost.StoppedError:
            raise Problem(503, "the collector is stopping; nothing was changed") from None

    def _own(self) -> Book | None:
        try:
            return None if self._prices is None else load(self._prices)
        except PriceFileError as error:
            detail = f"{semconv.SETTING_PRICES} of the collector cannot be used: {error}"
            raise Problem(503, detail) from None

    async def _in_thread(self, work: Any, limiter: anyio.CapacityLimiter) -> Any:
        # A stopping server does not wait for it: the store does.
        return await anyio.to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
