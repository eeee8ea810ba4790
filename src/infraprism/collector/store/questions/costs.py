"""Costs of calls, by any of their sides and by time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infraprism.collector.store import dialect
from infraprism.collector.store.dialect import Money
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import cuts, groups, numbers
from infraprism.collector.store.questions.asked import Asked, Row, where
from infraprism.collector.store.questions.filters import Filter
from infraprism.collector.store.questions.metrics import in_period

#: What of an amount no part explains.
UNEXPLAINED: Final = "unexplained"


def grouped(
    connection: Connection,
    wanted: Filter,
    by: Sequence[str],
    limit: int,
    *,
    edges: Sequence[int] = (),
) -> list[Row]:
    """At most `limit` rows by time and key: `bucket`, `key` and the numbers of their calls.

    By part, a call is in the row of each of its parts, with the amount of that part; the rest of its amount
    is `unexplained`, and a call without an amount is in the row without a part. `wanted` has both ends of
    its period.
    """

    def question(money: Money) -> list[Row]:
        asked = Asked()
        keys: dict[str, str] = {}
        for one in by:
            keys |= groups.key(one, asked)
        columns = {"bucket": cuts.bucket("started_at", edges)} if edges else {}
        columns |= {f"key_{number}": expression for number, expression in enumerate(keys.values())}
        source = _by_part(where(in_period(wanted, asked))) if "part" in by else "calls"
        rows = asked.rows(
            connection,
            f"""
            SELECT {"".join(f"{expression} AS {name}, " for name, expression in columns.items())}
                {numbers.of_calls(money)}
            FROM {source} {where([] if "part" in by else in_period(wanted, asked))}
            {f"GROUP BY {', '.join(columns.values())}" if columns else ""}
            ORDER BY {"".join(f"{name} NULLS FIRST, " for name in columns)} cost LIMIT {asked.bind(limit)}
            """,
        )
        for row in rows:
            row["cost"] = money.read(row["cost"])
            row["key"] = {name: row.pop(f"key_{number}") for number, name in enumerate(keys)}
        return [row for row in rows if row["call_count"]]

    return dialect.exactly(connection, question)


def _by_part(clause: str) -> str:
    explained = dialect.sum_of_values("cost_parts")
    return f"""(
        SELECT * EXCLUDE (amount, parted), parted.key AS part, parted.value AS amount
        FROM (SELECT *, {dialect.entries("cost_parts")} AS parted FROM calls {clause})
        UNION ALL BY NAME
        SELECT * EXCLUDE (amount), amount - {explained} AS amount,
            CASE WHEN {explained} > 0 OR amount > 0 THEN '{UNEXPLAINED}' END AS part
        FROM calls {clause} {"AND" if clause else "WHERE"}
            (amount <> {explained} OR (amount IS NULL OR amount = 0) AND cardinality(cost_parts) = 0)
    )"""
