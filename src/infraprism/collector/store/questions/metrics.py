"""Sessions in numbers: of a period, by time, by group, and how many cost how much.

Two statements, each reads the calls once. What the calls of a slice add up to needs no sessions, and is
cheap; what lies between sessions (how many, percentiles, histograms) needs only cost and turns of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from infraprism.collector.store import dialect
from infraprism.collector.store.dialect import Money
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import cuts, filters, groups, numbers
from infraprism.collector.store.questions.asked import Asked, Row, where
from infraprism.collector.store.questions.filters import Filter

#: Groups that are answered at most, those of the largest cost.
GROUPS: Final = 1000
_KEYS: Final = "session_id, coalesce(entity_type, ''), coalesce(entity_id, '')"
_SESSION: Final = "session_id, session_type, session_entity"
_COSTS: Final = ("cost", "cost_median", "cost_p95")


@dataclass
class Metrics:
    """Rows of numbers: one of the period (none without calls), of each bucket and group that has calls."""

    summary: Row | None = None
    #: By the number of the bucket.
    series: dict[int, Row] = field(default_factory=dict)
    #: At most one more than `GROUPS`, the largest cost first; `key` has what tells them apart.
    groups: list[Row] = field(default_factory=list)
    #: Lower edge → sessions.
    costs: dict[Decimal, int] = field(default_factory=dict)
    turns: dict[int, int] = field(default_factory=dict)


def sessions(
    connection: Connection,
    wanted: Filter,
    *,
    edges: Sequence[int] = (),
    group_by: str | None = None,
    cost_edges: Sequence[Decimal] = (),
    turn_edges: Sequence[int] = (),
) -> Metrics:
    """The numbers of the sessions that the calls of a period make; `wanted` has both of its ends.

    A session counts in a slice with what it did there. `edges`: those of the buckets of time. The others are
    lower edges of histograms, the lowest 0.
    """

    def question(money: Money) -> Metrics:
        by = () if group_by is None else tuple(groups.key(group_by, Asked()))
        added = _Slices(wanted, edges, group_by, money)
        found = _read(added.rows(connection, added.sums()), by, money)
        between = _Slices(wanted, edges, group_by, money)
        others = _read(between.rows(connection, between.spread(cost_edges, turn_edges)), by, money)
        for kind, rows in others.items():
            for place, row in rows.items():
                found.setdefault(kind, {}).setdefault(place, {}).update(row)
        return Metrics(
            next((row for row in found.get("summary", {}).values() if row["session_count"]), None),
            {place[0]: row for place, row in found.get("series", {}).items()},
            list(found.get("groups", {}).values()),
            {cost_edges[place[0]]: row["session_count"] for place, row in found.get("costs", {}).items()},
            {turn_edges[place[0]]: row["session_count"] for place, row in found.get("turns", {}).items()},
        )

    return dialect.exactly(connection, question)


def in_period(wanted: Filter, asked: Asked) -> list[str]:
    """Conditions on the calls in the period, whether or not they are in a session."""
    return [
        f"started_at >= {asked.bind(wanted.since)}",
        f"started_at < {asked.bind(wanted.until)}",
        *filters.of_keys(wanted, asked),
        *filters.of_a_call(wanted, asked),
    ]


class _Slices:
    """A statement over the calls, cut by time and group. Its first columns say which slice a row is of."""

    def __init__(self, wanted: Filter, edges: Sequence[int], group_by: str | None, money: Money) -> None:
        self._asked = Asked()
        self._money = money
        keys = {} if group_by is None else groups.key(group_by, self._asked)
        self._groups = {f"key_{number}": expression for number, expression in enumerate(keys.values())}
        self._bucket = {"bucket": cuts.bucket("started_at", edges)} if edges else {}
        self._where = where(self._conditions(wanted))

    def rows(self, connection: Connection, sql: str) -> list[Row]:
        return self._asked.rows(connection, sql)

    def sums(self) -> str:
        """Numbers of calls."""
        by = {**self._bucket, **self._groups}
        columns = "".join(f"{expression} AS {name}, " for name, expression in by.items())
        grouped = f"GROUP BY {', '.join(by.values())}" if by else ""
        shown = numbers.of_sums(self._money.total("cost"))
        return f"""
            WITH base AS MATERIALIZED (
                SELECT {columns}{numbers.of_calls(self._money)} FROM calls {self._where} {grouped}
            )
            {" UNION ALL ".join(self._cut(shown, lambda by: "base"))}
        """

    def spread(self, cost_edges: Sequence[Decimal], turn_edges: Sequence[int]) -> str:
        """Numbers of sessions; `cost` decides which groups are kept."""
        by = {**self._bucket, **self._groups}
        sums = {"cost": self._money.total("amount"), "turns": numbers.COUNTS["turn_count"]}
        columns = "".join(f"{expression} AS {name}, " for name, expression in {**by, **sums}.items())
        shown = ", ".join(
            [
                f"{self._money.total('cost')} AS cost",
                "count(*) AS session_count",
                *(
                    f"{dialect.percentile(column, share)} AS {column}_{called}"
                    for column in ("cost", "turns")
                    for called, share in (("median", "0.5"), ("p95", "0.95"))
                ),
            ]
        )

        def source(cut: dict[str, str]) -> str:
            if not by:
                return "base"
            if not cut:
                return "whole"
            names = ", ".join(cut)
            return f"""(
                SELECT {names}, {self._money.total("cost")} AS cost, sum(turns) AS turns
                FROM base GROUP BY {names}, {_SESSION}
            )"""

        limits = [self._money.bound(self._asked.bind(dialect.amount(edge))) for edge in cost_edges]
        parts = [
            *self._cut(shown, source),
            *(self._histogram("costs", "cost", limits) if limits else ()),
            *(self._histogram("turns", "turns", list(map(str, turn_edges))) if turn_edges else ()),
        ]
        return f"""
            WITH base AS MATERIALIZED (
                SELECT {columns} session_id, coalesce(entity_type, '') AS session_type,
                    coalesce(entity_id, '') AS session_entity
                FROM calls {self._where} GROUP BY {"".join(f"{one}, " for one in by.values())} {_KEYS}
            ), whole AS MATERIALIZED (
                SELECT {self._money.total("cost")} AS cost, sum(turns) AS turns FROM base GROUP BY {_SESSION}
            )
            {" UNION ALL ".join(parts)}
        """

    def _conditions(self, wanted: Filter) -> list[str]:
        conditions = ["session_id IS NOT NULL", *in_period(wanted, self._asked)]
        if having := filters.of_a_session(wanted, self._asked, self._money):
            chosen = (
                f"SELECT {_KEYS} FROM calls {where(conditions)} GROUP BY {_KEYS} {where(having, 'HAVING')}"
            )
            conditions.append(f"({_KEYS}) IN ({chosen})")
        return conditions

    def _cut(self, shown: str, source: Callable[[dict[str, str]], str]) -> list[str]:
        """A statement of the whole period, one by time and one by group, as far as they are asked for."""
        parts = [f"SELECT {self._place('summary')}, {shown} FROM {source({})}"]
        if self._bucket:
            place = self._place("series", "bucket")
            parts.append(f"SELECT {place}, {shown} FROM {source(self._bucket)} GROUP BY bucket")
        if self._groups:
            names = ", ".join(self._groups)
            largest = ", ".join(["cost DESC", *(f"{name} NULLS FIRST" for name in self._groups)])
            parts.append(
                f"SELECT * FROM (SELECT {self._place('groups', '0', *self._groups)}, {shown}"
                f" FROM {source(self._groups)} GROUP BY {names} ORDER BY {largest} LIMIT {GROUPS + 1})"
            )
        return parts

    def _place(self, kind: str, number: str = "0", *keys: str) -> str:
        """The columns that say which slice a row is of."""
        named = dict.fromkeys(self._groups, "NULL") | {key: key for key in keys}
        columns = {"kind": f"'{kind}'", "number": number, **named}
        return ", ".join(f"{expression} AS {name}" for name, expression in columns.items())

    def _histogram(self, kind: str, column: str, limits: list[str]) -> list[str]:
        """How many sessions there are from each edge to the next, by the number of the edge."""
        source = "whole" if self._bucket or self._groups else "base"
        above = " ".join(
            f"WHEN {column} >= {limit} THEN {number}" for number, limit in reversed(list(enumerate(limits)))
        )
        return [
            f"SELECT {self._place(kind, 'edge')}, NULL, count(*), NULL, NULL, NULL, NULL"
            f" FROM (SELECT CASE {above} END AS edge FROM {source}) GROUP BY edge"
        ]


def _read(rows: list[Row], by: tuple[str, ...], money: Money) -> dict[str, dict[tuple[Any, ...], Row]]:
    """The rows by what they are of, then by which bucket, edge or group."""
    found: dict[str, dict[tuple[Any, ...], Row]] = {}
    for row in rows:
        kind, number = row.pop("kind"), row.pop("number")
        key = {name: row.pop(f"key_{position}") for position, name in enumerate(by)}
        for name in _COSTS:
            if row.get(name) is not None:
                row[name] = money.read(row[name])
        found.setdefault(kind, {})[number, *key.values()] = {**row, "key": key}
    return found
