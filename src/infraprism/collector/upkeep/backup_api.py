"""The route that backs the store up while it is in use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from infraprism import semconv
from infraprism.collector import wire
from infraprism.collector.access.scopes import scoped
from infraprism.collector.analytics import parameters
from infraprism.collector.problems import Problem
from infraprism.collector.store.backups import BackupError
from infraprism.collector.store.embedded import Store as EmbeddedStore
from infraprism.collector.store.interface import ChangeRunningError, Store
from infraprism.collector.wire import JSONAnswer
from infraprism.pricing import CURRENCY

BACKUPS: Final = "/v1/backups"


def routes(store: Store, folder: Path | None) -> list[BaseRoute]:
    """The route over `store`; backups go to `folder`, which only the operator names."""
    limiter = anyio.CapacityLimiter(2)

    async def back_up(request: Request) -> JSONAnswer:
        parameters.none(request.query_params.multi_items())
        if folder is None:
            detail = f"the collector has no folder for backups: start it with {semconv.SETTING_BACKUPS}"
            raise Problem(409, detail)
        if not isinstance(store, EmbeddedStore):
            raise Problem(409, "ClickHouse has its own backups: see docs/clickhouse.md")
        now = datetime.now(UTC)
        target = folder / f"infraprism-{now:%Y%m%dT%H%M%S.%fZ}.duckdb"
        try:
            copied = await anyio.to_thread.run_sync(store.back_up, target, limiter=limiter)
        except ChangeRunningError:
            raise Problem(409, "another change is running; try again when it has ended") from None
        except BackupError as error:
            raise Problem(503, str(error)) from None
        return JSONAnswer(
            {
                "file": str(target),
                "bytes": target.stat().st_size,
                "calls": copied.calls,
                "spans": copied.spans,
                "total_cost": wire.number(copied.total),
                "currency": CURRENCY,
            },
            status_code=201,
        )

    return [scoped(Route(BACKUPS, back_up, methods=["POST"]), "admin")]
