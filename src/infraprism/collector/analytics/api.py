"""The routes of the Analytics API, and the status."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote_to_bytes

import anyio
import duckdb
from starlette.requests import Request

from infraprism.collector.analytics import answers, parameters
from infraprism.collector.counters import Counters
from infraprism.collector.problems import Problem
from infraprism.collector.store import queries
from infraprism.collector.store.embedded import Store
from infraprism.collector.wire import JSONAnswer

SESSIONS: Final = "/v1/analytics/sessions"
_PREFIX: Final = f"{SESSIONS}/".encode()


class Api:
    """The routes' handlers. Queries run in threads, each on a connection of its own."""

    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters
        self._queries = anyio.CapacityLimiter(4)

    async def sessions(self, request: Request) -> JSONAnswer:
        """`GET /v1/analytics/sessions`: one page of the list."""
        wanted, limit = parameters.session_list(request.query_params.multi_items())

        def query() -> list[dict[str, Any]]:
            with self._store.reader() as connection:
                # One more than asked for tells whether there is a next page.
                return queries.sessions(connection, wanted, limit + 1)

        rows = await self._in_thread(query)
        has_more = len(rows) > limit
        return JSONAnswer(
            {
                "data": [answers.session(row) for row in rows[:limit]],
                "next_cursor": parameters.cursor(answers.position(rows[limit - 1])) if has_more else None,
                "has_more": has_more,
            }
        )

    async def session(self, request: Request) -> JSONAnswer:
        """`GET /v1/analytics/sessions/{session_id}`: one session with its calls."""
        # From the raw path: servers differ in how often they decode the other one.
        raw_path: bytes = request.scope["raw_path"]
        session_id = unquote_to_bytes(raw_path.removeprefix(_PREFIX)).decode(errors="replace")
        wanted = parameters.one_session(request.query_params.multi_items(), session_id)

        def query() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            with self._store.reader() as connection:
                found = queries.sessions(connection, wanted, parameters.MAX_LIMIT)
                if len(found) != 1:
                    return found, []
                position = answers.position(found[0])
                return found, queries.calls_of_session(
                    connection, session_id, position.entity_type, position.entity_id
                )

        found, calls = await self._in_thread(query)
        if not found:
            raise Problem(404, f"there is no session {session_id!r}")
        if len(found) > 1:
            raise Problem(
                409,
                f"{len(found)} entities have a session {session_id!r}; name one by entity_type and entity_id",
                candidates=[{name: row[name] for name in ("entity_type", "entity_id")} for row in found],
            )
        return JSONAnswer({**answers.session(found[0]), "calls": [answers.call(row) for row in calls]})

    async def status(self, request: Request) -> JSONAnswer:
        """`GET /v1/status`: what became of everything received since the start."""
        parameters.none(request.query_params.multi_items())
        return JSONAnswer(
            {
                "calls_stored": self._store.calls_stored,
                "spans_stored": self._store.spans_stored,
                "repeats_dropped": self._store.repeats_dropped,
                "deleted_dropped": self._store.deleted_dropped,
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

    async def _in_thread(self, query: Any) -> Any:
        try:
            return await anyio.to_thread.run_sync(query, limiter=self._queries)
        except duckdb.Error as error:
            raise Problem(503, f"the store could not answer: {str(error).splitlines()[0]}") from error
