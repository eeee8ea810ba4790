"""The SQL of budgets: how they are defined, what is reserved and settled. Bound parameters only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from infraprism.collector.budgets.definitions import Budget, Spender
from infraprism.collector.store.interface import Connection

#: Nanoseconds after which what belongs to no call any more is swept away.
_FORGOTTEN: Final = 7 * 86_400 * 10**9
#: Ids that one statement deletes: they travel with it.
_AT_ONCE: Final = 1_000

_BUDGET_COLUMNS: Final = (
    "id, name, amount, per, entity_type, entity_id, value, period, action, webhook_url, created_at"
)


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


# --- definitions --------------------------------------------------------------------------------------------


def definitions(connection: Connection, budget_id: str | None = None) -> list[Budget]:
    """All budgets, the oldest first; or the one with this id, if there is one."""
    wanted = "" if budget_id is None else "WHERE id = $id"
    found = connection.execute(
        f"SELECT {_BUDGET_COLUMNS} FROM budgets {wanted} ORDER BY created_at, id",  # noqa: S608
        {} if budget_id is None else {"id": budget_id},
    ).fetchall()
    names = _BUDGET_COLUMNS.split(", ")
    return [Budget(**dict(zip(names, row, strict=True))) for row in found]


def define(connection: Connection, budget: Budget) -> None:
    """Add a budget."""
    columns = _columns(budget)
    connection.execute(
        f"INSERT INTO budgets ({_BUDGET_COLUMNS}) VALUES ({', '.join(f'${name}' for name in columns)})",  # noqa: S608
        columns,
    )


def change(connection: Connection, budget: Budget) -> None:
    """Put a budget in place of the one that has its id, in one step: at no time there is none."""
    columns = _columns(budget)
    changes = ", ".join(f"{name} = ${name}" for name in columns if name != "id")
    connection.execute(f"UPDATE budgets SET {changes} WHERE id = $id", columns)  # noqa: S608


def forget(connection: Connection, budget_id: str) -> None:
    """Delete a budget, and what was to be told of it."""
    connection.execute(
        "DELETE FROM webhook_attempts WHERE crossing_id IN"
        " (SELECT id FROM budget_crossings WHERE budget_id = $id)",
        {"id": budget_id},
    )
    connection.execute("DELETE FROM budget_crossings WHERE budget_id = $id", {"id": budget_id})
    connection.execute("DELETE FROM budgets WHERE id = $id", {"id": budget_id})


# --- reservations -------------------------------------------------------------------------------------------


def reserve(connection: Connection, rows: Sequence[Reservation]) -> None:
    """Append those of `rows` whose id is not there yet."""
    unique = {row.id: row for row in rows}
    if not unique:
        return
    spenders = [row.spender for row in unique.values()]
    connection.execute(
        """
        INSERT INTO reservations
            (id, started_at, expires_at, amount, session_id, entity_type, entity_id, tags)
        SELECT id, started_at, expires_at, amount, session_id, entity_type, entity_id,
            map(tag_keys, tag_values)
        FROM (
            SELECT unnest($id::VARCHAR[]) AS id, unnest($started_at::BIGINT[]) AS started_at,
                unnest($expires_at::BIGINT[]) AS expires_at, unnest($amount::DECIMAL(38, 24)[]) AS amount,
                unnest($session_id::VARCHAR[]) AS session_id, unnest($entity_type::VARCHAR[]) AS entity_type,
                unnest($entity_id::VARCHAR[]) AS entity_id, unnest($tag_keys::VARCHAR[][]) AS tag_keys,
                unnest($tag_values::VARCHAR[][]) AS tag_values
        ) AS new WHERE id NOT IN (SELECT id FROM reservations)
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


def settle(connection: Connection, rows: Iterable[Settlement]) -> None:
    """Append what became of reservations; of what is told twice, the first counts."""
    unique: dict[str, Settlement] = {}
    for row in rows:
        unique.setdefault(row.reservation_id, row)
    if not unique:
        return
    columns = zip(*unique.values(), strict=True)
    names = Settlement._fields
    connection.execute(
        f"""
        INSERT INTO settlements ({", ".join(names)})
        SELECT {", ".join(names)} FROM (
            SELECT unnest($reservation_id::VARCHAR[]) AS reservation_id,
                unnest($settled_at::BIGINT[]) AS settled_at, unnest($trace_id::VARCHAR[]) AS trace_id,
                unnest($span_id::VARCHAR[]) AS span_id, unnest($amount::DECIMAL(38, 24)[]) AS amount
        ) AS new WHERE reservation_id NOT IN (SELECT reservation_id FROM settlements)
        """,  # noqa: S608
        {name: [*map(_bound, values)] for name, values in zip(names, columns, strict=True)},
    )


def sweep(connection: Connection, now: int) -> None:
    """Delete reservations and settlements that say nothing any more: no sum changes."""
    rows = connection.execute(
        """
        SELECT settlements.reservation_id AS id
        FROM settlements JOIN calls
            ON calls.trace_id = settlements.trace_id AND calls.span_id = settlements.span_id
        UNION
        SELECT reservation_id AS id FROM settlements WHERE trace_id IS NULL AND settled_at < $long_ago
        UNION
        SELECT id FROM reservations WHERE expires_at < $long_ago
            AND id NOT IN (SELECT reservation_id FROM settlements WHERE trace_id IS NOT NULL)
        UNION
        SELECT reservation_id AS id FROM settlements
        WHERE settled_at < $long_ago AND reservation_id NOT IN (SELECT id FROM reservations)
        """,
        {"long_ago": now - _FORGOTTEN},
    ).fetchall()
    swept = [row[0] for row in rows]
    for first in range(0, len(swept), _AT_ONCE):
        ids = {"ids": swept[first : first + _AT_ONCE]}
        # In this order: without its settlement a reservation would be open again.
        connection.execute("DELETE FROM reservations WHERE list_contains($ids, id)", ids)
        connection.execute("DELETE FROM settlements WHERE list_contains($ids, reservation_id)", ids)


def _columns(budget: Budget) -> dict[str, object]:
    return {name: _bound(getattr(budget, name)) for name in _BUDGET_COLUMNS.split(", ")}


def _bound(value: object) -> object:
    # A list of decimals would be bound with a scale guessed from its members; their text is exact.
    return format(value, "f") if isinstance(value, Decimal) else value
