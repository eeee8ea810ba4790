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
from infraprism.collector.counters import Counters
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
        lines = [line for name in sorted(_MEANINGS) for line in self._metric(name)]
        return Response("\n".join(lines) + "\n", media_type=_PROMETHEUS)

    def _metric(self, name: str) -> Iterator[str]:
        value = getattr(self._store, name, None)
        if value is None:
            value = getattr(self._counters, name)
        metric = f"{semconv.METRIC_COLLECTOR_PREFIX}{name}_total"
        yield f"# HELP {metric} {_MEANINGS[name]}"
        yield f"# TYPE {metric} counter"
        if isinstance(value, Mapping):
            yield from (f'{metric}{{reason="{reason}"}} {value[reason]}' for reason in sorted(value))
        else:
            yield f"{metric} {value}"


#: The counters of `/v1/status`, by the same names.
_MEANINGS: Final = {
    "calls_stored": "Calls that were stored.",
    "spans_stored": "Other spans that were stored.",
    "repeats_dropped": "Calls and spans that were stored already.",
    "deleted_dropped": "Calls and spans that had been deleted.",
    "calls_counted_elsewhere": "Calls that were stored until another one turned out to carry their money.",
    "calls_from_logs": "Calls that came as log events.",
    "spans_ignored": "Spans that were accepted and not kept.",
    "spans_rejected": "Spans that were refused.",
    "logs_ignored": "Log records that were accepted and not kept.",
    "logs_rejected": "Events of calls that were refused.",
    "values_dropped": "Values of calls that could not be used.",
    "requests_refused": "Requests that were refused.",
    "requests_ignored": "Requests that were accepted and not kept.",
}


def _unready(status: str) -> JSONAnswer:
    return JSONAnswer({"status": status}, status_code=503, headers={"Retry-After": "1"})
