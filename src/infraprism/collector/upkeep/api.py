"""The routes that delete what is of a session or an entity, and that tell who did."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import anyio
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from infraprism.collector import wire
from infraprism.collector.access.gate import holder_of
from infraprism.collector.access.scopes import scoped
from infraprism.collector.analytics import parameters
from infraprism.collector.problems import Problem
from infraprism.collector.store import deletions
from infraprism.collector.store.deletions import Audit, Deleted
from infraprism.collector.store.interface import ChangeRunningError, Connection, Store
from infraprism.collector.wire import JSONAnswer

SESSIONS: Final = "/v1/analytics/sessions"
ENTITIES: Final = "/v1/analytics/entities"
AUDIT: Final = "/v1/audit"
T = TypeVar("T")


def routes(store: Store) -> list[BaseRoute]:
    """The routes over `store`."""
    api = _Api(store)
    return [
        scoped(Route(f"{SESSIONS}/{{rest:any_text}}", api.delete_session, methods=["DELETE"]), "admin"),
        scoped(Route(f"{ENTITIES}/{{rest:any_text}}", api.delete_entity, methods=["DELETE"]), "admin"),
        scoped(Route(AUDIT, api.audit, methods=["GET"]), "admin"),
    ]


class _Api:
    def __init__(self, store: Store) -> None:
        self._store = store
        # Whoever comes second is refused, and must not wait for the first.
        self._changes = anyio.CapacityLimiter(2)

    async def delete_session(self, request: Request) -> JSONAnswer:
        """`DELETE /v1/analytics/sessions/{session_id}`."""
        session_id = _decoded(_rest(request, SESSIONS))
        wanted = parameters.one_session(request.query_params.multi_items(), session_id)

        def delete(connection: Connection) -> tuple[Deleted, str]:
            owners = [
                owner
                for owner in deletions.owners(connection, session_id)
                if wanted.entity_type in (None, owner[0]) and wanted.entity_id in (None, owner[1])
            ]
            if not owners:
                raise Problem(404, f"there is no session {session_id!r}")
            if len(owners) > 1:
                raise Problem(
                    409,
                    f"{len(owners)} entities have a session {session_id!r};"
                    " name one by entity_type and entity_id",
                    candidates=[
                        {"entity_type": kind or None, "entity_id": name or None} for kind, name in owners
                    ],
                )
            target = deletions.target("session", *owners[0], session_id)
            return deletions.session(connection, session_id, *owners[0]), target

        return await self._delete(request, "delete_session", delete)

    async def delete_entity(self, request: Request) -> JSONAnswer:
        """`DELETE /v1/analytics/entities/{entity_type}/{entity_id}`."""
        parameters.none(request.query_params.multi_items())
        first, slash, second = _rest(request, ENTITIES).partition(b"/")
        entity_type, entity_id = _decoded(first), _decoded(second)
        if not (slash and entity_type and entity_id):
            raise Problem(404, "the path must be entities/{entity_type}/{entity_id}")

        def delete(connection: Connection) -> tuple[Deleted, str]:
            deleted = deletions.entity(connection, entity_type, entity_id)
            if not (deleted.calls or deleted.spans):
                raise Problem(404, f"nothing is stored of {entity_type!r} {entity_id!r}")
            return deleted, deletions.target("entity", entity_type, entity_id)

        return await self._delete(request, "delete_entity", delete)

    async def audit(self, request: Request) -> JSONAnswer:
        """`GET /v1/audit`: what was deleted, the last first."""
        limit, before = parameters.audit_list(request.query_params.multi_items())

        def query() -> list[Audit]:
            with self._store.reader() as connection:
                return deletions.audits(connection, before, limit + 1)

        rows = await self._in_thread(query)
        has_more = len(rows) > limit
        return JSONAnswer(
            {
                "data": [_shown(row) for row in rows[:limit]],
                "next_cursor": str(rows[limit - 1].id) if has_more else None,
                "has_more": has_more,
            }
        )

    async def _delete(
        self,
        request: Request,
        action: str,
        delete: Callable[[Connection], tuple[Deleted, str]],
    ) -> JSONAnswer:
        holder = holder_of(request)
        assert holder is not None

        def change() -> Audit:
            with self._store.changer() as connection:
                deleted, target = delete(connection)
                row = Audit(0, time.time_ns(), action, holder.name, holder.key_id, target, *deleted)
                row = deletions.record(connection, row)
                connection.commit()
                return row

        try:
            return JSONAnswer(_shown(await self._in_thread(change)))
        except ChangeRunningError:
            raise Problem(409, "another change is running; try again when it has ended") from None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._changes)


def _rest(request: Request, prefix: str) -> bytes:
    # From the raw path: servers differ in how often they decode the other one.
    raw_path: bytes = request.scope["raw_path"]
    return raw_path.removeprefix(f"{prefix}/".encode())


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part).decode(errors="replace")


def _shown(row: Audit) -> dict[str, Any]:
    return {**row._asdict(), "done_at": wire.time(row.done_at)}
