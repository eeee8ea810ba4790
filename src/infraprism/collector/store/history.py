"""The SQL of one call with its earlier costs, and of pricing stored calls again. Bound parameters only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from infraprism import semconv
from infraprism.collector import times
from infraprism.collector.recosts.repricing import Stored
from infraprism.collector.store.interface import Connection
from infraprism.pricing import Cost

#: Stored calls that are read, and written, at a time.
CHUNK: Final = 20_000

# Of several calls with these ids, the one that started last.
_CALL: Final = """
    SELECT * FROM calls WHERE trace_id = $trace_id AND span_id = $span_id ORDER BY started_at DESC LIMIT 1
"""
_EARLIER_COSTS: Final = """
    SELECT recosts.recosted_at, changes.*
    FROM recost_changes AS changes JOIN recosts ON recosts.id = changes.recost_id
    WHERE changes.trace_id = $trace_id AND changes.span_id = $span_id AND changes.started_at = $started_at
    ORDER BY changes.recost_id
"""
_RECOSTS: Final = "SELECT * FROM recosts ORDER BY id DESC LIMIT $limit"

#: Parts of a cost that are made of tokens, or of what came with them.
TOKEN_PARTS: Final = ["cache_read", "cache_write", "input", "output", "reasoning", "reported", "requests"]
#: In the order of the fields of `Stored`. Maps are read only where something is in them: most have none.
_STORED: Final = """
    SELECT rowid, started_at, entity_type, entity_id, operation, provider,
        coalesce(response_model, request_model), service_tier,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        amount, cost_status, cost_source, is_batch,
        CASE WHEN cardinality(usage) > 0 THEN usage END,
        CASE WHEN len(usage_unpriced) > 0 THEN usage_unpriced END,
        CASE WHEN cost_status <> 'priced'
            AND (contains(attributes, $estimated) OR contains(attributes, $invalid))
            THEN attributes END,
        usage IS NULL
            OR (cardinality(cost_parts) > 0 AND coalesce(cardinality(cost_quantities), 0) = 0),
        len(list_intersect(map_keys(cost_parts), $token_parts)) < cardinality(cost_parts)
    FROM calls
    WHERE rowid >= $first AND rowid < $end AND started_at >= $since {wanted}
"""
#: The columns that hold a cost: those that a recost replaces and keeps.
COST: Final = (
    "amount",
    "currency",
    "cost_status",
    "cost_source",
    "price_version",
    "cost_parts",
    "cost_quantities",
    "effective_from",
    "adjustment_percent",
)
_KEEP: Final = f"""
    INSERT INTO recost_changes
    SELECT $recost_id, trace_id, span_id, started_at, {", ".join(COST)}
    FROM calls WHERE rowid BETWEEN $first AND $last AND rowid IN (SELECT unnest($row_id::BIGINT[]))
"""  # noqa: S608
_REPLACE: Final = f"""
    UPDATE calls SET {", ".join(f"{name} = new.{name}" for name in COST)}
    FROM (
        SELECT
            unnest($row_id::BIGINT[]) AS row_id,
            unnest($amount::DECIMAL(38, 24)[]) AS amount,
            unnest($currency::VARCHAR[]) AS currency,
            unnest($cost_status::VARCHAR[]) AS cost_status,
            unnest($cost_source::VARCHAR[]) AS cost_source,
            unnest($price_version::VARCHAR[]) AS price_version,
            map(unnest($parts::VARCHAR[][]), unnest($amounts::DECIMAL(38, 24)[][])) AS cost_parts,
            map(unnest($parts::VARCHAR[][]), unnest($quantities::DECIMAL(38, 18)[][])) AS cost_quantities,
            unnest($effective_from::BIGINT[]) AS effective_from,
            unnest($adjustment_percent::DECIMAL(38, 18)[]) AS adjustment_percent
    ) AS new
    WHERE calls.rowid = new.row_id AND calls.rowid BETWEEN $first AND $last
"""  # noqa: S608


@dataclass(frozen=True)
class CallFilter:
    """Which calls are to be priced again; None does not ask."""

    #: Unix nanoseconds: calls that started at or after `since`, and before `until`.
    since: int
    until: int | None = None
    #: As it was asked for, or as it answered.
    model: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    #: Only calls whose amount is not known.
    unpriced: bool = False


class Recost(NamedTuple):
    """One row of `recosts`; the fields are its columns, in their order."""

    id: int
    #: Unix nanoseconds.
    recosted_at: int
    since: int
    until: int | None
    model: str | None
    entity_type: str | None
    entity_id: str | None
    unpriced: bool
    price_version: str
    calls: int
    changed: int
    newly_priced: int
    newly_unpriced: int
    skipped: dict[str, int]
    #: Exact sums of the known amounts of all these calls, as text: no column holds every sum.
    amount_before: str
    amount_after: str


def call(
    connection: Connection, trace_id: str, span_id: str
) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """A call with all of its columns, and the costs that it had before each recost, the oldest first."""
    found = _dicts(connection, _CALL, {"trace_id": trace_id, "span_id": span_id})
    if not found:
        return None
    identity = {"trace_id": trace_id, "span_id": span_id, "started_at": found[0]["started_at"]}
    return found[0], _dicts(connection, _EARLIER_COSTS, identity)


def recosts(connection: Connection, limit: int) -> list[Recost]:
    """The latest recosts, the last one first."""
    return [Recost(*row) for row in connection.execute(_RECOSTS, {"limit": limit}).fetchall()]


def next_id(connection: Connection) -> int:
    """The id of the recost that comes next."""
    row = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM recosts").fetchone()
    assert row is not None
    return int(row[0])


def chunks(connection: Connection, wanted: CallFilter) -> Iterator[list[Stored]]:
    """The wanted calls, some at a time, in the order in which they are stored.

    Those of one chunk may be changed before the next is asked for.
    """
    row = connection.execute("SELECT coalesce(max(rowid) + 1, 0) FROM calls").fetchone()
    assert row is not None
    conditions = {
        "until": "started_at < $until",
        "model": "$model IN (request_model, response_model)",
        "entity_type": "entity_type = $entity_type",
        "entity_id": "entity_id = $entity_id",
    }
    parameters: dict[str, Any] = {
        "since": wanted.since,
        "token_parts": TOKEN_PARTS,
        "estimated": semconv.ESTIMATED_OUTPUT_TOKENS,
        "invalid": semconv.USAGE_INVALID,
    }
    asked = []
    for name, condition in conditions.items():
        if (value := getattr(wanted, name)) is not None:
            asked.append(f"AND {condition}")
            parameters[name] = value
    if wanted.unpriced:
        asked.append("AND cost_status = 'unpriced'")
    sql = _STORED.format(wanted=" ".join(asked))
    for first in range(0, row[0], CHUNK):
        bounds = {"first": first, "end": min(first + CHUNK, row[0])}
        yield [Stored(*found) for found in connection.execute(sql, parameters | bounds).fetchall()]


def replace(connection: Connection, recost_id: int, changes: Sequence[tuple[Stored, Cost]]) -> None:
    """Give calls of one chunk their new costs, and keep those that they had."""
    if not changes:
        return
    row_ids = [call.row_id for call, _ in changes]
    rows = {"row_id": row_ids, "first": min(row_ids), "last": max(row_ids)}
    connection.execute(_KEEP, rows | {"recost_id": recost_id})
    columns = cost_columns([cost for _, cost in changes])
    cost_parts, quantities = columns.pop("cost_parts"), columns.pop("cost_quantities")
    connection.execute(
        _REPLACE,
        {
            **rows,
            **columns,
            "amount": [_text(amount) for amount in columns["amount"]],
            "parts": [[*parts] for parts in cost_parts],
            "amounts": [[_text(amount) for amount in parts.values()] for parts in cost_parts],
            "quantities": [[_text(number) for number in part.values()] for part in quantities],
            "adjustment_percent": [_text(percent) for percent in columns["adjustment_percent"]],
        },
    )


def cost_columns(costs: Sequence[Cost]) -> dict[str, list[Any]]:
    """`costs` as the columns that hold one."""
    return {
        "amount": [cost.amount for cost in costs],
        "currency": [None if cost.amount is None else cost.currency for cost in costs],
        "cost_status": [str(cost.status) for cost in costs],
        "cost_source": [None if cost.amount is None else cost.source for cost in costs],
        "price_version": [cost.price_version for cost in costs],
        "cost_parts": [{part.name: part.amount for part in cost.parts} for cost in costs],
        "cost_quantities": [{part.name: Decimal(part.quantity) for part in cost.parts} for cost in costs],
        "effective_from": [
            None if cost.effective_from is None else times.of(cost.effective_from) for cost in costs
        ],
        "adjustment_percent": [cost.adjustment for cost in costs],
    }


def record(connection: Connection, recost: Recost) -> None:
    """Add the row that tells of a recost."""
    names = [name for name in Recost._fields if name != "skipped"]
    columns = [*(f"${name}" for name in names), "map($reasons::VARCHAR[], $counts::BIGINT[])"]
    parameters = {name: getattr(recost, name) for name in names}
    parameters |= {"reasons": [*recost.skipped], "counts": [*recost.skipped.values()]}
    connection.execute(
        f"INSERT INTO recosts ({', '.join([*names, 'skipped'])}) VALUES ({', '.join(columns)})",  # noqa: S608
        parameters,
    )


def _text(number: Decimal | int | None) -> str | None:
    # A list of decimals would be bound with a scale guessed from its members; their text is exact.
    return None if number is None else format(number, "f")


def _dicts(connection: Connection, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    result = connection.execute(sql, parameters)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
