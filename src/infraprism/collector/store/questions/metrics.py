"""Sessions in numbers: of a period, by time, by group, and how many cost how much.

The calls are read once and put together by time, group and session; everything else is made of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from infraprism.collector.store import dialect
from infraprism.collector.store.dialect import Money
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import cuts, filters, groups, numbers
from infraprism.collector.store.questions.asked import Asked, Row, where
from infraprism.collector.store.questions.filters import Filter

#: Groups that are answered, those of the largest cost.
GROUPS: Final = 1000
_SESSION: Final = "session_id, session_type, session_entity"
_COSTS: Final = ("cost", "cost_median", "cost_p95")


@dataclass
class Metrics:
    """Rows of numbers: one of the period (none without calls), of each bucket and group that has calls."""

    summary: Row | None = None
    series: dict[int, Row] = field(default_factory=dict)
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

    `edges`: those of the buckets of time. The others are lower edges of histograms, the lowest 0.
    """

    def question(money: Money) -> Metrics:
        asked = Asked()
        keys = groups.key(group_by, asked) if group_by is not None else {}
        rows = asked.rows(
            connection, _sql(asked, money, wanted, edges, list(keys.values()), cost_edges, turn_edges)
        )
        return _read(rows, money, list(keys), cost_edges, turn_edges)

    return dialect.exactly(connection, question)


def _sql(
    asked: Asked,
    money: Money,
    wanted: Filter,
    edges: Sequence[int],
    keys: list[str],
    cost_edges: Sequence[Decimal],
    turn_edges: Sequence[int],
) -> str:
    conditions = calls_in(wanted, asked)
    having = filters.of_a_session(wanted, asked, money)
    among = (
        f"""AND (session_id, coalesce(entity_type, ''), coalesce(entity_id, '')) IN (
        SELECT (session_id, coalesce(entity_type, ''), coalesce(entity_id, ''))
        FROM calls {where(conditions)}
        GROUP BY session_id, coalesce(entity_type, ''), coalesce(entity_id, '') {where(having, "HAVING")}
    )"""
        if having
        else ""
    )
    columns = {
        "session_id": "session_id",
        "session_type": "coalesce(entity_type, '')",
        "session_entity": "coalesce(entity_id, '')",
        **({"bucket": cuts.bucket("started_at", edges)} if edges else {}),
        **{f"key_{number}": key for number, key in enumerate(keys)},
    }
    base = f"""
        SELECT {", ".join(f"{expression} AS {name}" for name, expression in columns.items())},
            {numbers.of_calls(money)}
        FROM calls {where(conditions)} {among} GROUP BY {", ".join(columns.values())}
    """
    parts = [_slices("summary", [], keys, money)]
    if edges:
        parts.append(_slices("series", ["bucket"], keys, money))
    if keys:
        names = [f"key_{number}" for number in range(len(keys))]
        parts.append(
            f"SELECT * FROM ({_slices('groups', names, keys, money)}"
            f" ORDER BY cost DESC, {', '.join(names)} LIMIT {GROUPS + 1})"
        )
    if cost_edges:
        limits = [money.bound(asked.bind(dialect.amount(edge))) for edge in cost_edges]
        parts.append(_histogram("costs", "cost", limits, keys))
    if turn_edges:
        parts.append(_histogram("turns", "turn_count", [str(edge) for edge in turn_edges], keys))
    return f"""
        WITH base AS MATERIALIZED ({base}),
        whole AS MATERIALIZED (
            SELECT {_SESSION}, {numbers.of_sums(money.total("cost"))} FROM base GROUP BY {_SESSION}
        )
        {" UNION ALL ".join(parts)}
    """


def calls_in(wanted: Filter, asked: Asked) -> list[str]:
    """Conditions on the calls of sessions in the period."""
    return ["session_id IS NOT NULL", *in_period(wanted, asked)]


def in_period(wanted: Filter, asked: Asked) -> list[str]:
    """Conditions on the calls in the period, whether or not they are in a session."""
    return [
        f"started_at >= {asked.bind(wanted.since)}",
        f"started_at < {asked.bind(wanted.until)}",
        *filters.of_keys(wanted, asked),
        *filters.of_a_call(wanted, asked),
    ]


def _slices(kind: str, by: list[str], keys: list[str], money: Money) -> str:
    """Numbers of the sessions in each slice, where a session has what it did in that slice."""
    if not by:
        inner = "whole"
    else:
        inner = (
            f"(SELECT {', '.join([*by, _SESSION])}, {numbers.of_sums(money.total('cost'))}"
            f" FROM base GROUP BY {', '.join([*by, _SESSION])})"
        )
    shown = [
        f"'{kind}' AS kind",
        "bucket AS number" if by == ["bucket"] else "NULL AS number",
        *(f"key_{n} AS key_{n}" if by and by != ["bucket"] else f"NULL AS key_{n}" for n in range(len(keys))),
        "count(*) AS session_count",
        numbers.of_sums(money.total("cost")),
        *(
            f"{dialect.percentile(column, share)} AS {name}_{called}"
            for column, name in (("cost", "cost"), ("turn_count", "turns"))
            for called, share in (("median", "0.5"), ("p95", "0.95"))
        ),
    ]
    grouped = f"GROUP BY {', '.join(by)}" if by else ""
    return f"SELECT {', '.join(shown)} FROM {inner} {grouped}"


def _histogram(kind: str, column: str, limits: list[str], keys: list[str]) -> str:
    """How many sessions there are from each edge on, by the number of the edge."""
    above = " ".join(
        f"WHEN {column} >= {limit} THEN {number}" for number, limit in reversed(list(enumerate(limits)))
    )
    others = len(keys) * "NULL, "
    empty = ", ".join("NULL" for _ in range(1 + len(numbers.COUNTS) + len(numbers.TOKENS) + 4))
    return (
        f"SELECT '{kind}', number, {others} count(*), {empty}"
        f" FROM (SELECT CASE {above} END AS number FROM whole) GROUP BY number"
    )


def _read(
    rows: list[Row],
    money: Money,
    keys: list[str],
    cost_edges: Sequence[Decimal],
    turn_edges: Sequence[int],
) -> Metrics:
    found = Metrics()
    for row in rows:
        kind, number = row.pop("kind"), row.pop("number")
        row["key"] = {name: row.pop(f"key_{n}") for n, name in enumerate(keys)}
        for name in _COSTS:
            row[name] = None if row[name] is None else money.read(row[name])
        match kind:
            case "summary":
                found.summary = row if row["session_count"] else None
            case "series":
                found.series[number] = row
            case "groups":
                found.groups.append(row)
            case "costs":
                found.costs[cost_edges[number]] = row["session_count"]
            case "turns":
                found.turns[turn_edges[number]] = row["session_count"]
    found.groups.sort(key=_largest_first)
    return found


def _largest_first(row: Row) -> Any:
    return (-row["cost"], [(value is not None, value or "") for value in row["key"].values()])
