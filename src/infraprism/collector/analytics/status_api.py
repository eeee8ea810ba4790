"""`GET /v1/status`: what became of what was received."""

from __future__ import annotations

from starlette.requests import Request

from infraprism.collector.analytics import parameters
from infraprism.collector.counters import Counters
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
        return JSONAnswer(
            {
                "calls_stored": self._store.calls_stored,
                "spans_stored": self._store.spans_stored,
                "repeats_dropped": self._store.repeats_dropped,
                "deleted_dropped": self._store.deleted_dropped,
                "calls_counted_elsewhere": self._store.calls_counted_elsewhere,
                "spans_ignored": self._counters.spans_ignored,
                "spans_rejected": self._counters.spans_rejected,
                "calls_from_logs": self._counters.calls_from_logs,
                "logs_ignored": self._counters.logs_ignored,
                "logs_rejected": self._counters.logs_rejected,
                "values_dropped": self._counters.values_dropped,
                "requests_refused": self._counters.requests_refused,
                "requests_ignored": self._counters.requests_ignored,
            }
        )
