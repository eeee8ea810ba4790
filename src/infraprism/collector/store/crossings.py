"""The SQL of budgets that were crossed, and of telling it: what is to be sent follows from what was sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from infraprism.collector.budgets.definitions import Budget
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.spending import Used
from infraprism.pricing import money

#: Nanoseconds from an attempt that failed to the next: doubled each time, up to the longest.
_FIRST_PAUSE: Final = 10**9
_LONGEST_PAUSE: Final = 3600 * 10**9
#: Nanoseconds after which nobody tries any more.
GIVEN_UP: Final = 72 * 3600 * 10**9


class Crossing(NamedTuple):
    """Once for each account of a budget in a period, at each amount of it; the fields are the columns."""

    id: str
    budget_id: str
    entity_type: str
    entity_id: str
    value: str
    #: Unix nanoseconds.
    period_start: int
    crossed_at: int
    budget_amount: Decimal
    #: USD, exact, as text: no column holds every sum.
    spent: str
    reserved: str

    @classmethod
    def of(cls, budget: Budget, key: Sequence[str], period_start: int, at: int, used: Used) -> Crossing:
        """The crossing of a budget of the collector's; whoever finds the same one gives it the same id."""
        assert budget.id is not None
        amount = money.text(budget.amount)
        identity = json.dumps([budget.id, *key, period_start, amount]).encode()
        return cls(
            f"crossing_{hashlib.sha256(identity).hexdigest()[:32]}",
            budget.id,
            *(key[0], key[1], key[2]),
            period_start,
            at,
            budget.amount,
            money.text(used.spent),
            money.text(used.reserved),
        )


class Due(NamedTuple):
    """A crossing that is to be told now, and to where."""

    crossing: Crossing
    budget: Budget


def record(connection: Connection, rows: Sequence[Crossing]) -> None:
    """Append those crossings that are not known yet."""
    for row in {row.id: row for row in rows}.values():
        values = ", ".join(f"${name}" for name in Crossing._fields)
        connection.execute(
            f"INSERT INTO budget_crossings ({', '.join(Crossing._fields)}) SELECT {values}"  # noqa: S608
            " WHERE $id NOT IN (SELECT id FROM budget_crossings)",
            row._asdict() | {"budget_amount": format(row.budget_amount, "f")},
        )


def due(connection: Connection, budgets: Sequence[Budget], now: int, limit: int) -> list[Due]:
    """Crossings of these budgets that are to be told now, the oldest first."""
    told = {budget.id: budget for budget in budgets if budget.webhook_url is not None}
    columns = ", ".join(f"crossings.{name}" for name in Crossing._fields)
    rows = connection.execute(
        f"""
        SELECT {columns}
        FROM budget_crossings AS crossings LEFT JOIN (
            SELECT crossing_id, count(*) AS attempts, max(attempted_at) AS last_at,
                max(CASE WHEN is_delivered THEN 1 ELSE 0 END) AS is_delivered
            FROM webhook_attempts GROUP BY crossing_id
        ) AS sent ON sent.crossing_id = crossings.id
        WHERE list_contains($told, budget_id) AND crossed_at > $now - $given_up
            AND (attempts IS NULL OR (
                is_delivered = 0
                AND $now - last_at >= least(power(2, least(attempts, 30) - 1) * $first, $longest::DOUBLE)
            ))
        ORDER BY crossed_at, id LIMIT $limit
        """,  # noqa: S608
        {
            "told": [*told],
            "now": now,
            "given_up": GIVEN_UP,
            "first": _FIRST_PAUSE,
            "longest": _LONGEST_PAUSE,
            "limit": limit,
        },
    ).fetchall()
    return [Due(found, told[found.budget_id]) for found in (Crossing(*row) for row in rows)]


def attempted(connection: Connection, crossing_id: str, at: int, answer: str, *, is_delivered: bool) -> None:
    """Keep that a crossing was sent, and what came back."""
    connection.execute(
        "INSERT INTO webhook_attempts (crossing_id, attempted_at, is_delivered, answer)"
        " VALUES ($id, $at, $is_delivered, $answer)",
        {"id": crossing_id, "at": at, "is_delivered": is_delivered, "answer": answer},
    )
