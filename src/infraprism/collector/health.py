"""What watches the collector: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infraprism import semconv
from infraprism.collector.access.scopes import scoped
from infraprism.collector.analytics import parameters
from infraprism.collector.counters import MEANINGS, Counters, told
from infraprism.collector.store.interface import Store, StoreFailedError
from infraprism.collector.wire import JSONAnswer

#: Seconds for which the store may be busy with what came before, and for which an answer holds.
_PATIENCE_SECONDS: Final = 5
_HOLDS_SECONDS: Final = 2
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


def routes(store: Store, counters: Counters) -> list[BaseRoute]:
    """The routes over `store` and what `counters` counted."""
    health = _Health(store, counters)
    return [
        scoped(Route("/healthz", health.alive), "open"),
        scoped(Route("/readyz", health.ready), "open"),
        scoped(Route("/metrics", health.metrics), "read"),
    ]


class _Health:
    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters
        self._writable_until = 0.0

    async def alive(self, request: Request) -> JSONAnswer:
        """`GET /healthz`."""
        return JSONAnswer({"status": "ok"})

    async def ready(self, request: Request) -> JSONAnswer:
        """`GET /readyz`: whether the store can write. Migrations are done before there is any answer."""
        if getattr(request.app.state, "is_stopping", False):
            return _unready("stopping")
        if time.monotonic() >= self._writable_until:
            try:
                await asyncio.wait_for(asyncio.wrap_future(self._store.probe()), _PATIENCE_SECONDS)
            except StoreFailedError:
                return _unready("store_failed")
            except TimeoutError:
                return _unready("store_busy")
            self._writable_until = time.monotonic() + _HOLDS_SECONDS
        return JSONAnswer({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: what became of everything received since the start, as Prometheus reads it."""
        parameters.none(request.query_params.multi_items())
        values = told(self._store, self._counters)
        lines = [line for name in sorted(values) for line in _metric(name, values[name])]
        return Response("\n".join(lines) + "\n", media_type=_PROMETHEUS)


def _metric(name: str, value: int | Mapping[str, int]) -> Iterator[str]:
    metric = f"{semconv.METRIC_COLLECTOR_PREFIX}{name}_total"
    yield f"# HELP {metric} {MEANINGS[name]}"
    yield f"# TYPE {metric} counter"
    if isinstance(value, Mapping):
        yield from (f'{metric}{{reason="{reason}"}} {value[reason]}' for reason in sorted(value))
    else:
        yield f"{metric} {value}"


def _unready(status: str) -> JSONAnswer:
    return JSONAnswer({"status": status}, status_code=503, headers={"Retry-After": "1"})
