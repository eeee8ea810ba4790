"""The SQL of budgets: who has spent how much, from the calls and from what is to become calls.

    spent    = the calls of the period + settled reservations whose call has not arrived
    reserved = open reservations that have not expired

A reservation whose call is there says nothing any more. Bound parameters only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from infraprism.collector.budgets.definitions import TAG, Account, Budget
from infraprism.collector.store.interface import Connection
from infraprism.pricing import money

#: Calls, and what is to become calls: each row is money that is spent, or only reserved. That a call has
#: arrived is found from the few settlements, and not from the many calls.
_ROWS: Final = """
    WITH arrived AS (
        SELECT DISTINCT calls.trace_id, calls.span_id
        FROM calls JOIN settlements
            ON calls.trace_id = settlements.trace_id AND calls.span_id = settlements.span_id
        WHERE calls.started_at >= $since - $clocks
    ), provisional AS (
        SELECT reservations.session_id, reservations.entity_type, reservations.entity_id, reservations.tags,
            reservations.started_at, settled.reservation_id IS NULL AS is_open,
            CASE
                WHEN settled.reservation_id IS NULL THEN reservations.amount ELSE settled.amount
            END AS amount,
            settled.reservation_id IS NOT NULL AND settled.amount IS NULL AS is_unpriced
        FROM reservations
        LEFT JOIN settlements AS settled ON settled.reservation_id = reservations.id
        LEFT JOIN arrived ON arrived.trace_id = settled.trace_id AND arrived.span_id = settled.span_id
        WHERE CASE
            WHEN settled.reservation_id IS NULL
                THEN reservations.expires_at > $now AND NOT list_contains($apart, reservations.id)
            ELSE settled.trace_id IS NOT NULL AND arrived.trace_id IS NULL
        END
    ), spending AS (
        SELECT session_id, entity_type, entity_id, tags, started_at, false AS is_open, amount,
            cost_status = 'unpriced' AS is_unpriced
        FROM calls WHERE started_at >= $since
        UNION ALL
        SELECT session_id, entity_type, entity_id, tags, started_at, is_open, amount, is_unpriced
        FROM provisional WHERE started_at >= $since
    )
"""
#: Nanoseconds by which the clocks of an application and the collector may differ.
_CLOCKS: Final = 3600 * 10**9
#: As whole units and as fractions: each sum fits its type, whatever is stored.
_SUMS: Final = """
    coalesce(sum(CASE WHEN is_open THEN 0 ELSE trunc(amount)::BIGINT END), 0) AS spent_units,
    coalesce(sum(CASE WHEN is_open THEN 0 ELSE amount - trunc(amount) END), 0) AS spent_fraction,
    coalesce(sum(CASE WHEN is_open THEN trunc(amount)::BIGINT ELSE 0 END), 0) AS reserved_units,
    coalesce(sum(CASE WHEN is_open THEN amount - trunc(amount) ELSE 0 END), 0) AS reserved_fraction,
    count(CASE WHEN is_unpriced THEN 1 END) AS unpriced_calls
"""
_ACCOUNTS: Final = """
    SELECT
        unnest($number::BIGINT[]) AS number, unnest($entity_type::VARCHAR[]) AS of_type,
        unnest($entity_id::VARCHAR[]) AS of_id, unnest($value::VARCHAR[]) AS of_value,
        unnest($only_type::VARCHAR[]) AS only_type, unnest($only_id::VARCHAR[]) AS only_id,
        unnest($first::BIGINT[]) AS first_time, unnest($until::BIGINT[]) AS until_time
"""
_ENTITY: Final = "coalesce(entity_type, '') = of_type AND coalesce(entity_id, '') = of_id"
_ONLY: Final = "(only_type IS NULL OR only_type = entity_type) AND (only_id IS NULL OR only_id = entity_id)"


class Used(NamedTuple):
    """What an account has spent, as far as it is known, and what is reserved in it; USD, exact."""

    spent: Decimal
    reserved: Decimal
    unpriced_calls: int


class Spent(NamedTuple):
    """One who spends, in the period asked about. `entity_type`, `entity_id`, `value` as of `Account`."""

    entity_type: str
    entity_id: str
    value: str
    used: Used
    #: Unix nanoseconds; None where the budget is not crossed.
    crossed_at: int | None


NOTHING: Final = Used(money.ZERO, money.ZERO, 0)


def used(
    connection: Connection, accounts: Sequence[Account], now: int, apart: Sequence[str] = ()
) -> dict[Account, Used]:
    """What each of the accounts has spent and reserved `now`, without the open reservations `apart`."""
    wanted = [*dict.fromkeys(accounts)]
    found = dict.fromkeys(wanted, NOTHING)
    for per in {account.per for account in wanted}:
        chosen = [(number, account) for number, account in enumerate(wanted) if account.per == per]
        columns = zip(*((number, *account[1:]) for number, account in chosen), strict=True)
        names = ("number", "entity_type", "entity_id", "value", "only_type", "only_id", "first", "until")
        parameters: dict[str, Any] = {
            **{name: [*values] for name, values in zip(names, columns, strict=True)},
            "since": min(account.since for _, account in chosen),
            "clocks": _CLOCKS,
            "now": now,
            "apart": [*apart],
        }
        key, more = _key(per)
        match = {
            "session": f"session_id = of_value AND {_ENTITY}",
            "entity": _ENTITY,
        }.get(per, f"{key[2]} = of_value")
        sql = f"""
            {_ROWS} SELECT number, {_SUMS}
            FROM spending JOIN ({_ACCOUNTS}) AS accounts ON {match}
            WHERE started_at >= first_time AND started_at < until_time AND {_ONLY}
            GROUP BY number
        """  # noqa: S608
        for number, *sums in connection.execute(sql, parameters | more).fetchall():
            found[wanted[number]] = _used(sums)
    return found


def spenders(
    connection: Connection,
    budget: Budget,
    period: tuple[int, int],
    now: int,
    limit: int,
    *,
    beyond: bool = False,
) -> list[Spent]:
    """Who has spent or reserved something of a budget in a period, those who have used most of it first.

    `beyond`: only those who have spent as much as it allows, and of whom that was not recorded.
    """
    key, parameters = _key(budget.per)
    conditions = ["started_at >= $since AND started_at < $until", f"{key[2]} IS NOT NULL"]
    if budget.per == "entity":
        conditions.append("(entity_type IS NOT NULL OR entity_id IS NOT NULL)")
    for column, wanted in (
        ("entity_type", budget.entity_type),
        ("entity_id", budget.entity_id),
        (key[2], budget.value),
    ):
        if wanted is not None:
            name = f"only_{len(conditions)}"
            conditions.append(f"{column} = ${name}")
            parameters[name] = wanted
    sql = f"""
        {_ROWS}, used AS (
            SELECT {key[0]} AS of_type, {key[1]} AS of_id, {key[2]} AS of_value, {_SUMS}
            FROM spending WHERE {" AND ".join(conditions)} GROUP BY {key[0]}, {key[1]}, {key[2]}
        )
        SELECT of_type, of_id, of_value, crossings.crossed_at,
            spent_units, spent_fraction, reserved_units, reserved_fraction, unpriced_calls
        FROM used LEFT JOIN (
            SELECT entity_type, entity_id, value, min(crossed_at) AS crossed_at FROM budget_crossings
            WHERE budget_id = $budget_id AND period_start = $since AND budget_amount = $amount
            GROUP BY entity_type, entity_id, value
        ) AS crossings
            ON crossings.entity_type = of_type AND crossings.entity_id = of_id AND crossings.value = of_value
        WHERE $all OR (crossings.crossed_at IS NULL
            AND spent_units::DOUBLE + spent_fraction::DOUBLE >= $amount::DOUBLE * 0.999999)
        ORDER BY spent_units::DOUBLE + spent_fraction::DOUBLE
            + reserved_units::DOUBLE + reserved_fraction::DOUBLE DESC, of_type, of_id, of_value
        LIMIT $limit
    """  # noqa: S608
    parameters |= {
        "since": period[0],
        "clocks": _CLOCKS,
        "until": period[1],
        "now": now,
        "apart": [],
        "budget_id": budget.id,
        "amount": budget.amount,
        "all": not beyond,
        "limit": limit,
    }
    rows = connection.execute(sql, parameters).fetchall()
    found = [Spent(row[0], row[1], row[2], _used(row[4:]), row[3]) for row in rows]
    return [one for one in found if one.used.spent >= budget.amount] if beyond else found


def _key(per: str) -> tuple[tuple[str, str, str], dict[str, Any]]:
    """The expressions that make an account's key: entity type, entity id and value; with their parameters."""
    if per.startswith(TAG):
        return ("''", "''", "tags[$tag]"), {"tag": per[len(TAG) :]}
    value = "session_id" if per == "session" else "''"
    return ("coalesce(entity_type, '')", "coalesce(entity_id, '')", value), {}


def _used(sums: Sequence[Any]) -> Used:
    spent_units, spent_fraction, reserved_units, reserved_fraction, unpriced = sums
    return Used(
        money.EXACT.add(Decimal(spent_units), Decimal(spent_fraction)),
        money.EXACT.add(Decimal(reserved_units), Decimal(reserved_fraction)),
        unpriced,
    )
