"""Entities, models and tags with what they cost in a period, a page at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, NamedTuple

from infraprism.collector.store import dialect
from infraprism.collector.store.dialect import Money
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import groups, numbers
from infraprism.collector.store.questions.asked import Asked, Row, where
from infraprism.collector.store.questions.filters import Filter
from infraprism.collector.store.questions.metrics import in_period
from infraprism.collector.store.questions.sessions import Order

Kind = Literal["entities", "models", "tags"]
Sort = Literal["total_cost", "last_activity_at", "call_count"]

#: The fields of each kind's key.
KEYS: Final[dict[Kind, dict[str, str]]] = {
    "entities": groups.COLUMNS["entity"],
    "models": groups.COLUMNS["model"],
    "tags": {"key": "tag.key", "value": "tag.value"},
}
_SORTED_BY: Final = {"total_cost": "cost", "last_activity_at": "last_activity_at", "call_count": "call_count"}


class Place(NamedTuple):
    """Where a row stands in its list. A field of the key that is not known comes as the empty text."""

    value: int | Decimal
    first: str
    second: str


def page(
    connection: Connection,
    kind: Kind,
    wanted: Filter,
    limit: int,
    *,
    sort: Sort = "total_cost",
    order: Order = "desc",
    after: Place | None = None,
) -> list[Row]:
    """At most `limit` rows, one dict of column values each; ties go by the fields of the key.

    `wanted` has both ends of its period.
    """

    def question(money: Money) -> list[Row]:
        asked = Asked()
        rows = asked.rows(connection, _sql(asked, kind, wanted, limit, sort, order, after, money))
        for row in rows:
            row["cost"] = money.read(row["cost"])
        return rows

    return dialect.exactly(connection, question)


def place(kind: Kind, row: Row, sort: Sort) -> Place:
    """Where `row` stands in its list."""
    first, second = (row[name] or "" for name in KEYS[kind])
    return Place(row[_SORTED_BY[sort]], first, second)


def _sql(
    asked: Asked,
    kind: Kind,
    wanted: Filter,
    limit: int,
    sort: Sort,
    order: Order,
    after: Place | None,
    money: Money,
) -> str:
    first, second = KEYS[kind]
    source = "calls"
    if kind == "tags":
        source = f"(SELECT *, {dialect.entries('tags')} AS tag FROM calls {where(in_period(wanted, asked))})"
    keys = ", ".join(f"nullif({expression}, '') AS {name}" for name, expression in KEYS[kind].items())
    value = _SORTED_BY[sort]
    behind = ""
    if after is not None:
        limit_value = (
            money.bound(asked.bind(dialect.amount(after.value)))
            if isinstance(after.value, Decimal)
            else f"CAST({asked.bind(after.value)} AS HUGEINT)"
        )
        behind = (
            f"WHERE {value} {'<' if order == 'desc' else '>'} {limit_value} OR ({value} = {limit_value}"
            f" AND (coalesce({first}, ''), coalesce({second}, ''))"
            f" > ({asked.bind(after.first)}, {asked.bind(after.second)}))"
        )
    return f"""
        WITH parts AS (
            SELECT {keys}, session_id, entity_type AS session_type, entity_id AS session_entity,
                min(started_at) AS first_seen_at, max(ended_at) AS last_activity_at, {numbers.of_calls(money)}
            FROM {source} {where(in_period(wanted, asked) if kind != "tags" else [])}
            GROUP BY ALL
        ), spenders AS (
            SELECT {first}, {second}, count(session_id) AS session_count,
                min(first_seen_at) AS first_seen_at, max(last_activity_at) AS last_activity_at,
                {numbers.of_sums(money.total("cost"))}
            FROM parts GROUP BY {first}, {second}
        )
        SELECT * FROM spenders {behind}
        ORDER BY {value} {order}, coalesce({first}, ''), coalesce({second}, '')
        LIMIT {asked.bind(limit)}
    """
