"""The routes of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response

from infraprism.collector.analytics import answers, cursors, exports, filtering, timelines
from infraprism.collector.analytics.operations import Asking, Operation
from infraprism.collector.problems import Problem
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import calls, sessions
from infraprism.collector.store.questions.asked import Row
from infraprism.collector.store.questions.calls import Moment
from infraprism.collector.store.questions.filters import Filter
from infraprism.collector.store.questions.sessions import Key, Position
from infraprism.collector.wire import JSONAnswer

SESSIONS: Final = "/v1/analytics/sessions"
_PREFIX: Final = f"{SESSIONS}/".encode()
_CALLS: Final = b"/calls"
_TIMELINE: Final = b"/timeline"
#: Calls, and traces, that come with a session; more calls have pages.
WITH_SESSION: Final = 1000
#: Sessions of a file that are put together at a time.
_CHUNK: Final = 5000
_FIELDS: Final = (
    "session_id",
    "entity_type",
    "entity_id",
    "started_at",
    "last_activity_at",
    "duration_ms",
    "turn_count",
    "call_count",
    "error_count",
    "total_cost",
    "currency",
    "cost_status",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "models",
    "tags",
)


class SessionsApi:
    """The questions about sessions."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def operations(self) -> list[Operation]:
        """The list, and one session with all that is below it."""
        return [
            Operation(
                SESSIONS, "Sessions, a page at a time or as a file", filtering.SESSION_LIST, self.listed
            ),
            Operation(
                f"{SESSIONS}/{{session_id}}", "One session with its first calls", filtering.ENTITY, self.one
            ),
            Operation(
                f"{SESSIONS}/{{session_id}}/calls",
                "The calls of a session, a page at a time",
                filtering.CALL_LIST,
                self.calls,
            ),
            Operation(
                f"{SESSIONS}/{{session_id}}/timeline",
                "The calls, the other spans and the gaps of a session, a page at a time",
                filtering.CALL_LIST,
                self.timeline,
            ),
        ]

    async def listed(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/sessions`."""
        wanted, limit, kind = filtering.of_sessions(values), filtering.limit(values), values["format"]
        order = (values["sort"], values["order"])
        after = None
        if values["cursor"] is not None:
            type_ = Decimal if values["sort"] == "total_cost" else int
            (value,), texts = cursors.read(values["cursor"], order, [type_], 3)
            after = Position(value, *texts)

        def page(connection: Connection) -> list[Key]:
            # One more than asked for tells whether there is a next page.
            return sessions.page(
                connection, wanted, limit + 1, sort=values["sort"], order=values["order"], after=after
            )

        def cursor(keys: list[Key]) -> str | None:
            if len(keys) <= limit:
                return None
            last = keys[limit - 1].position
            return cursors.write(order, last[:1], last[1:])

        def export(connection: Connection) -> tuple[Iterator[bytes], str | None]:
            keys = page(connection)
            shown = keys[:limit]
            chunks = (
                [answers.session(row) for row in sessions.details(connection, shown[first : first + _CHUNK])]
                for first in range(0, len(shown), _CHUNK)
            )
            return exports.write(kind, _FIELDS, chunks), cursor(keys)

        if kind != "json":
            pieces, following = await self._asking.ask(export)
            return exports.answer(pieces, kind, "sessions", following)

        def question(connection: Connection) -> tuple[list[Key], list[Row]]:
            keys = page(connection)
            return keys, sessions.details(connection, keys[:limit])

        keys, rows = await self._asking.ask(question)
        return JSONAnswer(
            {
                "data": [answers.session(row) for row in rows],
                "next_cursor": cursor(keys),
                "has_more": len(keys) > limit,
            }
        )

    async def below(self, request: Request) -> Response:
        """What is asked of one session: which of it, the end of the raw path says.

        A slash that belongs to the id is encoded there.
        """
        raw = _raw(request)
        _, one, calls_of_it, timeline = self.operations()
        for ending, operation in ((_CALLS, calls_of_it), (_TIMELINE, timeline)):
            if raw.endswith(ending) and raw != ending:
                return await operation.respond(request)
        return await one.respond(request)

    async def one(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/sessions/{session_id}`."""
        session_id = _decoded(_raw(request))

        def question(connection: Connection) -> tuple[Any, ...]:
            key = _one(connection, session_id, values)
            return (
                *sessions.details(connection, [key]),
                calls.trace_ids(connection, key, WITH_SESSION),
                calls.of_session(connection, key, WITH_SESSION + 1),
            )

        row, trace_ids, found = await self._asking.ask(question)
        return JSONAnswer(
            {
                **answers.session(row),
                "trace_ids": trace_ids,
                "calls": [answers.call(one) for one in found[:WITH_SESSION]],
                "calls_has_more": len(found) > WITH_SESSION,
            }
        )

    async def calls(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/sessions/{session_id}/calls`."""
        session_id, after = _decoded(_raw(request).removesuffix(_CALLS)), _after(values)
        limit = values["limit"]
        found = await self._asking.ask(
            lambda connection: calls.of_session(
                connection, _one(connection, session_id, values), limit + 1, after
            )
        )
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = _cursor(Moment(*(last[name] for name in Moment._fields)))
        return JSONAnswer(
            {
                "data": [answers.call(row) for row in found[:limit]],
                "next_cursor": following,
                "has_more": following is not None,
            }
        )

    async def timeline(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/sessions/{session_id}/timeline`."""
        session_id, after = _decoded(_raw(request).removesuffix(_TIMELINE)), _after(values)

        def question(connection: Connection) -> tuple[Any, ...]:
            key = _one(connection, session_id, values)
            found = calls.items(connection, key, values["limit"] + 1, after)
            items, shown = found[: values["limit"]], {}
            page = timelines.placed(items, calls.parents(connection, key, items))
            if page:
                first, last = page[0].item.started_at, page[-1].item.started_at
                shown = calls.shown(connection, key, first, last)
            (row,) = sessions.details(connection, [key])
            return row, page, shown, len(found) > len(items)

        row, page, shown, has_more = await self._asking.ask(question)
        return JSONAnswer(
            {
                "session": answers.session(row),
                "items": [
                    item
                    for one in page
                    for item in timelines.shown(one, shown[one.item.moment], row["started_at"])
                ],
                "next_cursor": _cursor(page[-1].item.moment) if has_more else None,
                "has_more": has_more,
            }
        )


def _one(connection: Connection, session_id: str, values: dict[str, Any]) -> Key:
    wanted = Filter(session_id, True, values["entity_type"], values["entity_id"])
    found = sessions.page(connection, wanted, filtering.MAX_LIMIT)
    if not found:
        raise Problem(404, f"there is no session {session_id!r}")
    if len(found) > 1:
        raise Problem(
            409,
            f"{len(found)} entities have a session {session_id!r}; name one by entity_type and entity_id",
            candidates=[
                {"entity_type": key.entity_type or None, "entity_id": key.entity_id or None} for key in found
            ],
        )
    return found[0]


def _after(values: dict[str, Any]) -> Moment | None:
    if values["cursor"] is None:
        return None
    times, ids = cursors.read(values["cursor"], (), [int, int], 2)
    return Moment(times[0], times[1], ids[0], ids[1])


def _cursor(moment: Moment) -> str:
    return cursors.write((), moment[:2], moment[2:])


def _raw(request: Request) -> bytes:
    # From the raw path: servers differ in how often they decode the other one.
    raw_path: bytes = request.scope["raw_path"]
    return raw_path.removeprefix(_PREFIX)


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part).decode(errors="replace")
