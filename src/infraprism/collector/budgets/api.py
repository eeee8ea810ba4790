"""The routes of budgets."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infraprism import semconv
from infraprism.collector import json_body
from infraprism.collector.access.scopes import Scope, scoped
from infraprism.collector.analytics import parameters
from infraprism.collector.budgets import answers, requests
from infraprism.collector.budgets.definitions import Budget
from infraprism.collector.budgets.periods import bounds
from infraprism.collector.budgets.reserving import Desk
from infraprism.collector.budgets.webhooks import Signer
from infraprism.collector.problems import Problem
from infraprism.collector.store import budgets, spending
from infraprism.collector.store.budgets import Settlement
from infraprism.collector.store.interface import Connection, Store
from infraprism.collector.wire import JSONAnswer

BUDGETS: Final = "/v1/budgets"
BUDGET: Final = f"{BUDGETS}/{{budget_id}}"
STATE: Final = f"{BUDGET}/state"
RESERVATIONS: Final = f"{BUDGETS}/reservations"
RESERVATION: Final = f"{RESERVATIONS}/{{reservation_id}}"
SETTLE: Final = f"{RESERVATION}/settle"

#: What a key must be allowed to do, by method and path.
SCOPES: Final[dict[tuple[str, str], Scope]] = {
    ("POST", RESERVATIONS): "ingest",
    ("POST", SETTLE): "ingest",
    ("DELETE", RESERVATION): "ingest",
    ("GET", BUDGETS): "read",
    ("POST", BUDGETS): "admin",
    ("GET", BUDGET): "read",
    ("PUT", BUDGET): "admin",
    ("DELETE", BUDGET): "admin",
    ("GET", STATE): "read",
}

_Result = TypeVar("_Result")


def routes(store: Store, signer: Signer | None, *, allow_private: bool) -> list[BaseRoute]:
    """All routes of budgets. `signer`: of webhooks; None without any. `allow_private`: as `Watch`."""
    api = _Api(store, signer, allow_private)
    handlers = {
        ("POST", RESERVATIONS): api.reserve,
        ("POST", SETTLE): api.settle,
        ("DELETE", RESERVATION): api.release,
        ("GET", BUDGETS): api.list,
        ("POST", BUDGETS): api.create,
        ("GET", BUDGET): api.show,
        ("PUT", BUDGET): api.change,
        ("DELETE", BUDGET): api.delete,
        ("GET", STATE): api.state,
    }
    return [
        scoped(Route(path, handler, methods=[method]), SCOPES[method, path])
        for (method, path), handler in handlers.items()
    ]


class _Api:
    """The routes' handlers."""

    def __init__(self, store: Store, signer: Signer | None, allow_private: bool) -> None:
        self._store = store
        self._signer = signer
        self._allow_private = allow_private
        self._desk = Desk(store)
        self._queries = anyio.CapacityLimiter(4)
        self._changes = anyio.CapacityLimiter(1)

    async def reserve(self, request: Request) -> JSONAnswer:
        """`POST /v1/budgets/reservations`: may this call be made? 201 where it is reserved, else 200."""
        ask = requests.reservation(await _body(request))
        answer = await self._desk.reserve(ask)
        return JSONAnswer(answers.reservation(ask.id, answer), status_code=201 if answer.is_allowed else 200)

    async def settle(self, request: Request) -> Response:
        """`POST /v1/budgets/reservations/{id}/settle`: the call has ended."""
        reservation_id = requests.reservation_id(request.path_params["reservation_id"])
        trace_id, span_id, amount = requests.settlement(await _body(request))
        return await self._settled(Settlement(reservation_id, time.time_ns(), trace_id, span_id, amount))

    async def release(self, request: Request) -> Response:
        """`DELETE /v1/budgets/reservations/{id}`: there was no call, or none that is billed."""
        parameters.none(request.query_params.multi_items())
        reservation_id = requests.reservation_id(request.path_params["reservation_id"])
        return await self._settled(Settlement(reservation_id, time.time_ns()))

    async def list(self, request: Request) -> JSONAnswer:
        """`GET /v1/budgets`: all of them, the oldest first."""
        parameters.none(request.query_params.multi_items())
        found = await self._query(budgets.definitions)
        return JSONAnswer({"data": [*map(answers.definition, found)], "next_cursor": None, "has_more": False})

    async def create(self, request: Request) -> JSONAnswer:
        """`POST /v1/budgets`: a new one."""
        budget_id = f"budget_{secrets.token_hex(8)}"
        budget = self._read(await _body(request), budget_id, time.time_ns())
        await self._change(lambda connection: budgets.define(connection, budget))
        return JSONAnswer(self._shown(budget), status_code=201)

    async def show(self, request: Request) -> JSONAnswer:
        """`GET /v1/budgets/{budget_id}`."""
        parameters.none(request.query_params.multi_items())
        return JSONAnswer(answers.definition(await self._query(lambda connection: _one(connection, request))))

    async def change(self, request: Request) -> JSONAnswer:
        """`PUT /v1/budgets/{budget_id}`: another budget in its place."""
        body = await _body(request)

        def replace(connection: Connection) -> Budget:
            before = _one(connection, request)
            budget = self._read(body, before.id or "", before.created_at)
            budgets.change(connection, budget)
            return budget

        return JSONAnswer(self._shown(await self._change(replace)))

    async def delete(self, request: Request) -> Response:
        """`DELETE /v1/budgets/{budget_id}`."""
        parameters.none(request.query_params.multi_items())

        def forget(connection: Connection) -> None:
            budgets.forget(connection, _one(connection, request).id or "")

        await self._change(forget)
        return Response(status_code=204)

    async def state(self, request: Request) -> JSONAnswer:
        """`GET /v1/budgets/{budget_id}/state`: who has spent how much of it in the present period."""
        limit = parameters.recost_list(request.query_params.multi_items())
        now = time.time_ns()

        def query(connection: Connection) -> tuple[Budget, list[spending.Spent]]:
            budget = _one(connection, request)
            period = bounds(budget.period, now)
            return budget, spending.spenders(connection, budget, period, now, limit + 1)

        budget, found = await self._query(query)
        data = [answers.state(budget, bounds(budget.period, now), one) for one in found[:limit]]
        return JSONAnswer({"data": data, "next_cursor": None, "has_more": len(found) > limit})

    def _read(self, body: bytes, budget_id: str, created_at: int) -> Budget:
        budget = requests.budget(body, budget_id, created_at, allow_private=self._allow_private)
        if budget.webhook_url is not None and self._signer is None:
            detail = f"webhook_url needs {semconv.SETTING_WEBHOOK_SECRET} of the collector, to sign by"
            raise Problem(400, detail, parameter="webhook_url")
        return budget

    def _shown(self, budget: Budget) -> dict[str, object]:
        shown: dict[str, object] = answers.definition(budget)
        if budget.webhook_url is not None and self._signer is not None:
            shown["webhook_secret"] = self._signer.secret_of(budget.id or "")
        return shown

    async def _settled(self, settlement: Settlement) -> Response:
        await self._desk.settle(settlement)
        return Response(status_code=204)

    async def _query(self, query: Callable[[Connection], _Result]) -> _Result:
        def run() -> _Result:
            with self._store.reader() as connection:
                return query(connection)

        return await anyio.to_thread.run_sync(run, limiter=self._queries)

    async def _change(self, change: Callable[[Connection], _Result]) -> _Result:
        def run() -> _Result:
            with self._store.reader() as connection:
                result = change(connection)
                connection.commit()
                return result

        return await anyio.to_thread.run_sync(run, limiter=self._changes)


def _one(connection: Connection, request: Request) -> Budget:
    budget_id = request.path_params["budget_id"]
    found = budgets.definitions(connection, budget_id)
    if not found:
        raise Problem(404, f"there is no budget {budget_id}")
    return found[0]


async def _body(request: Request) -> bytes:
    parameters.none(request.query_params.multi_items())
    return await json_body.text(request)
