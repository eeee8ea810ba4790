"""Sessions: a page of the list in any order, in two or three steps.

First only the keys and what is sorted by; then, for those of the page alone, everything that is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from infraprism.collector.store import dialect
from infraprism.collector.store.dialect import Money
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import filters, numbers
from infraprism.collector.store.questions.asked import Asked, Row, where
from infraprism.collector.store.questions.filters import Filter

Sort = Literal["last_activity_at", "started_at", "duration", "total_cost", "turn_count", "call_count"]
Order = Literal["desc", "asc"]

_KEYS: Final = "session_id, coalesce(entity_type, ''), coalesce(entity_id, '')"
_LAST: Final = "max(ended_at)"
#: The newest calls are looked at first: so many nanoseconds of them, then so many times more.
_NEWEST: Final = 3_600_000_000_000
_WIDER: Final = 12


class Position(NamedTuple):
    """Where a session stands in a list; a page continues behind the last one's."""

    #: Of what the list is sorted by: Unix nanoseconds, nanoseconds, dollars or a number.
    value: int | Decimal
    #: Empty for "no entity".
    entity_type: str
    entity_id: str
    session_id: str


class Key(NamedTuple):
    """A session of a page, before all else is known of it."""

    session_id: str
    entity_type: str
    entity_id: str
    started_at: int
    last_activity_at: int
    value: int | Decimal

    @property
    def position(self) -> Position:
        """Where it stands in the list."""
        return Position(self.value, self.entity_type, self.entity_id, self.session_id)


def page(
    connection: Connection,
    wanted: Filter,
    limit: int,
    *,
    sort: Sort = "last_activity_at",
    order: Order = "desc",
    after: Position | None = None,
) -> list[Key]:
    """The keys of at most `limit` sessions, in order; ties go by entity and session id."""

    def question(money: Money) -> list[Key]:
        if sort == "last_activity_at" and order == "desc" and not wanted.whole_id and _is_of_keys(wanted):
            return _latest(connection, wanted, limit, after, money)
        return _page(connection, wanted, limit, sort, order, after, money, None)

    return dialect.exactly(connection, question)


def details(connection: Connection, keys: Sequence[Key]) -> list[Row]:
    """Everything that is shown of these sessions, in their order, one dict of column values each."""
    if not keys:
        return []
    found = dialect.exactly(connection, lambda money: _details(connection, keys, money))
    return [found[key[:3]] for key in keys]


def _latest(
    connection: Connection, wanted: Filter, limit: int, after: Position | None, money: Money
) -> list[Key]:
    """As `_page` by last activity, which the newest calls alone tell."""
    edges = connection.execute("SELECT min(ended_at), max(ended_at) FROM calls").fetchone()
    assert edges is not None
    oldest, newest = edges
    if newest is None:
        return []
    begin = min(newest, *(at for at in (wanted.until, after and int(after.value)) if at is not None), newest)
    span = _NEWEST
    while True:
        floor = begin - span
        found = _page(connection, wanted, limit, "last_activity_at", "desc", after, money, floor)
        if len(found) >= limit or floor <= max(oldest, wanted.since or 0):
            break
        span *= _WIDER
    return _with_starts(connection, found)


def _with_starts(connection: Connection, keys: list[Key]) -> list[Key]:
    """The keys with their sessions' true starts: the newest calls do not tell those."""
    if not keys:
        return []
    asked = Asked()
    names = asked.bind([key.session_id for key in keys])
    rows = asked.rows(
        connection,
        f"""
        SELECT session_id, coalesce(entity_type, '') AS entity_type, coalesce(entity_id, '') AS entity_id,
            min(started_at) AS started_at
        FROM calls WHERE session_id IN ({dialect.rows_of({"id": names})})
        GROUP BY {_KEYS}
        """,
    )
    starts = {(row["session_id"], row["entity_type"], row["entity_id"]): row["started_at"] for row in rows}
    return [key._replace(started_at=starts[key[:3]]) for key in keys]


def _page(
    connection: Connection,
    wanted: Filter,
    limit: int,
    sort: Sort,
    order: Order,
    after: Position | None,
    money: Money,
    floor: int | None,
) -> list[Key]:
    asked = Asked()
    value = _value(sort, money)
    of_calls = ["session_id IS NOT NULL", *filters.of_keys(wanted, asked)]
    if floor is not None:
        of_calls.append(f"ended_at >= {asked.bind(floor)}")
    having = filters.of_a_session(wanted, asked, money)
    if wanted.since is not None:
        having.append(f"{_LAST} >= {asked.bind(wanted.since)}")
    if wanted.until is not None:
        having.append(f"{_LAST} < {asked.bind(wanted.until)}")
    if of_a_call := filters.of_a_call(wanted, asked):
        having.append(f"count(CASE WHEN {' AND '.join(of_a_call)} THEN 1 END) > 0")
    if after is not None:
        having.append(_behind(value, order, after, asked, money))
    rows = asked.rows(
        connection,
        f"""
        SELECT {_KEYS}, min(started_at), {_LAST}, {value} AS value
        FROM calls {where(of_calls)}
        GROUP BY {_KEYS} {where(having, "HAVING")}
        ORDER BY value {order}, coalesce(entity_type, ''), coalesce(entity_id, ''), session_id
        LIMIT {asked.bind(limit)}
        """,
    )
    keys = [Key(*row.values()) for row in rows]
    return [key._replace(value=money.read(key.value)) for key in keys] if sort == "total_cost" else keys


def _value(sort: Sort, money: Money) -> str:
    match sort:
        case "last_activity_at":
            return _LAST
        case "started_at":
            return "min(started_at)"
        case "duration":
            return f"{_LAST} - min(started_at)"
        case "total_cost":
            return money.total("amount")
        case _:
            return numbers.COUNTS[sort]


def _behind(value: str, order: Order, after: Position, asked: Asked, money: Money) -> str:
    if isinstance(after.value, Decimal):
        limit = money.bound(asked.bind(dialect.amount(after.value)))
    else:
        limit = f"CAST({asked.bind(after.value)} AS BIGINT)"
    names = ", ".join(asked.bind(text) for text in (after.entity_type, after.entity_id, after.session_id))
    keys = "coalesce(entity_type, ''), coalesce(entity_id, ''), session_id"
    return (
        f"({value} {'<' if order == 'desc' else '>'} {limit} OR ({value} = {limit} AND ({keys}) > ({names})))"
    )


def _is_of_keys(wanted: Filter) -> bool:
    """Whether nothing is asked that takes all calls of a session to tell."""
    others = (wanted.model, wanted.provider, wanted.min_cost, wanted.max_cost, wanted.status)
    return not wanted.tags and all(value is None for value in (*others, wanted.has_errors, wanted.unpriced))


def _details(connection: Connection, keys: Sequence[Key], money: Money) -> dict[tuple[Any, ...], Row]:
    asked = Asked()
    page = dialect.rows_of(
        {
            "page_id": asked.bind([key.session_id for key in keys]),
            "page_type": asked.bind([key.entity_type for key in keys]),
            "page_entity": asked.bind([key.entity_id for key in keys]),
        }
    )
    # Where their time is a stretch of the table, the rest is not read.
    first = asked.bind(min(key.started_at for key in keys))
    last = asked.bind(max(key.last_activity_at for key in keys))
    rows = asked.rows(
        connection,
        f"""
        WITH page AS ({page})
        SELECT
            session_id, nullif(page_type, '') AS entity_type, nullif(page_entity, '') AS entity_id,
            min(started_at) AS started_at, {_LAST} AS last_activity_at,
            {numbers.of_calls(money)},
            {dialect.distinct("coalesce(response_model, request_model)")} AS models,
            {dialect.distinct("tags")} AS tags
        FROM page JOIN calls
            ON session_id = page_id
            AND coalesce(entity_type, '') = page_type
            AND coalesce(entity_id, '') = page_entity
        WHERE started_at >= {first} AND ended_at <= {last}
        GROUP BY session_id, page_type, page_entity
        """,
    )
    for row in rows:
        row["cost"] = money.read(row["cost"])
    return {(row["session_id"], row["entity_type"] or "", row["entity_id"] or ""): row for row in rows}
