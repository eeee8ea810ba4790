"""The SQL of budgets: who has spent how much, from the calls and from what is to become calls.

    spent    = the calls of the period + settled reservations whose call has not arrived
    reserved = open reservations that have not expired

A reservation whose call is there says nothing any more. Bound parameters only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import duckdb

from infraprism.collector.budgets.definitions import TAG, Account, Budget, Spender
from infraprism.pricing import money

#: Nanoseconds after which what belongs to no call any more is swept away.
_FORGOTTEN: Final = 7 * 86_400 * 10**9

_BUDGET_COLUMNS: Final = (
    "id, name, amount, per, entity_type, entity_id, value, period, action, webhook_url, created_at"
)

#: Calls, and what is to become calls: each row is money that is spent, or only reserved. That a call has
#: arrived is found from the few settlements, and not from the many calls.
_ROWS: Final = """
    WITH arrived AS (
        SELECT DISTINCT calls.trace_id, calls.span_id
        FROM calls JOIN settlements
            ON calls.trace_id = settlements.trace_id AND calls.span_id = settlements.span_id
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


class Reservation(NamedTuple):
    """A call that is about to be made."""

    id: str
    spender: Spender
    #: USD; 0 where nobody knows.
    amount: Decimal
    #: Unix nanoseconds.
    started_at: int
    expires_at: int


class Settlement(NamedTuple):
    """What became of a reservation. Without a trace id there was no call; without an amount it is unknown."""

    reservation_id: str
    settled_at: int
    trace_id: str | None = None
    span_id: str | None = None
    amount: Decimal | None = None


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


# --- definitions --------------------------------------------------------------------------------------------


def definitions(connection: duckdb.DuckDBPyConnection, budget_id: str | None = None) -> list[Budget]:
    """All budgets, the oldest first; or the one with this id, if there is one."""
    wanted = "" if budget_id is None else "WHERE id = $id"
    found = connection.execute(
        f"SELECT {_BUDGET_COLUMNS} FROM budgets {wanted} ORDER BY created_at, id",  # noqa: S608
        {} if budget_id is None else {"id": budget_id},
    ).fetchall()
    names = _BUDGET_COLUMNS.split(", ")
    return [Budget(**dict(zip(names, row, strict=True))) for row in found]


def define(connection: duckdb.DuckDBPyConnection, budget: Budget) -> None:
    """Add a budget, in place of the one that has its id."""
    connection.execute("DELETE FROM budgets WHERE id = $id", {"id": budget.id})
    names = _BUDGET_COLUMNS.split(", ")
    columns = ", ".join(f"${name}" for name in names)
    connection.execute(
        f"INSERT INTO budgets ({_BUDGET_COLUMNS}) VALUES ({columns})",  # noqa: S608
        {name: _bound(getattr(budget, name)) for name in names},
    )


def forget(connection: duckdb.DuckDBPyConnection, budget_id: str) -> None:
    """Delete a budget, and what was to be told of it."""
    connection.execute(
        "DELETE FROM webhook_attempts WHERE crossing_id IN"
        " (SELECT id FROM budget_crossings WHERE budget_id = $id)",
        {"id": budget_id},
    )
    connection.execute("DELETE FROM budget_crossings WHERE budget_id = $id", {"id": budget_id})
    connection.execute("DELETE FROM budgets WHERE id = $id", {"id": budget_id})


# --- reservations -------------------------------------------------------------------------------------------


def reserve(connection: duckdb.DuckDBPyConnection, rows: Sequence[Reservation]) -> None:
    """Append those of `rows` whose id is not there yet."""
    unique = {row.id: row for row in rows}
    if not unique:
        return
    spenders = [row.spender for row in unique.values()]
    connection.execute(
        """
        INSERT INTO reservations
        SELECT * FROM (
            SELECT unnest($id::VARCHAR[]) AS id, unnest($started_at::BIGINT[]), unnest($expires_at::BIGINT[]),
                unnest($amount::DECIMAL(38, 24)[]), unnest($session_id::VARCHAR[]),
                unnest($entity_type::VARCHAR[]), unnest($entity_id::VARCHAR[]),
                map(unnest($tag_keys::VARCHAR[][]), unnest($tag_values::VARCHAR[][]))
        ) AS new WHERE NOT EXISTS (SELECT 1 FROM reservations AS stored WHERE stored.id = new.id)
        """,
        {
            "id": [*unique],
            "started_at": [row.started_at for row in unique.values()],
            "expires_at": [row.expires_at for row in unique.values()],
            "amount": [_bound(row.amount) for row in unique.values()],
            "session_id": [spender.session_id for spender in spenders],
            "entity_type": [spender.entity_type for spender in spenders],
            "entity_id": [spender.entity_id for spender in spenders],
            "tag_keys": [[*spender.tags] for spender in spenders],
            "tag_values": [[*spender.tags.values()] for spender in spenders],
        },
    )


def settle(connection: duckdb.DuckDBPyConnection, rows: Iterable[Settlement]) -> None:
    """Append what became of reservations; of what is told twice, the first counts."""
    unique: dict[str, Settlement] = {}
    for row in rows:
        unique.setdefault(row.reservation_id, row)
    if not unique:
        return
    columns = zip(*unique.values(), strict=True)
    names = Settlement._fields
    connection.execute(
        """
        INSERT INTO settlements
        SELECT * FROM (
            SELECT unnest($reservation_id::VARCHAR[]) AS reservation_id, unnest($settled_at::BIGINT[]),
                unnest($trace_id::VARCHAR[]), unnest($span_id::VARCHAR[]), unnest($amount::DECIMAL(38, 24)[])
        ) AS new WHERE NOT EXISTS (
            SELECT 1 FROM settlements AS stored WHERE stored.reservation_id = new.reservation_id
        )
        """,
        {name: [*map(_bound, values)] for name, values in zip(names, columns, strict=True)},
    )


def sweep(connection: duckdb.DuckDBPyConnection, now: int) -> None:
    """Delete reservations and settlements that say nothing any more: no sum changes."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE swept AS
        SELECT settlements.reservation_id AS id
        FROM settlements JOIN calls
            ON calls.trace_id = settlements.trace_id AND calls.span_id = settlements.span_id
        UNION
        SELECT reservation_id FROM settlements WHERE trace_id IS NULL AND settled_at < $long_ago
        UNION
        SELECT id FROM reservations WHERE expires_at < $long_ago
            AND id NOT IN (SELECT reservation_id FROM settlements WHERE trace_id IS NOT NULL)
        UNION
        SELECT reservation_id FROM settlements
        WHERE settled_at < $long_ago AND reservation_id NOT IN (SELECT id FROM reservations)
        """,
        {"long_ago": now - _FORGOTTEN},
    )
    connection.execute("DELETE FROM reservations WHERE id IN (SELECT id FROM swept)")
    connection.execute("DELETE FROM settlements WHERE reservation_id IN (SELECT id FROM swept)")
    connection.execute("DROP TABLE swept")


# --- what is spent ------------------------------------------------------------------------------------------


def used(
    connection: duckdb.DuckDBPyConnection, accounts: Sequence[Account], now: int, apart: Sequence[str] = ()
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
            FROM spending JOIN ({_ACCOUNTS}) AS accounts
                ON {match} AND started_at >= first_time AND started_at < until_time AND {_ONLY}
            GROUP BY number
        """  # noqa: S608
        for number, *sums in connection.execute(sql, parameters | more).fetchall():
            found[wanted[number]] = _used(sums)
    return found


def spenders(
    connection: duckdb.DuckDBPyConnection,
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


def _bound(value: object) -> object:
    # A list of decimals would be bound with a scale guessed from its members; their text is exact.
    return format(value, "f") if isinstance(value, Decimal) else value
