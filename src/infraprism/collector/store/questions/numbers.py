"""What is counted and summed of any set of calls, spelt once."""

from __future__ import annotations

from typing import Final

from infraprism import semconv
from infraprism.collector.store.dialect import Money


def _count(condition: str) -> str:
    return f"count(CASE WHEN {condition} THEN 1 END)"


_TURNS: Final = ", ".join(f"'{name}'" for name in sorted(semconv.TURN_OPERATIONS))

COUNTS: Final = {
    "call_count": "count(*)",
    "turn_count": _count(f"operation IN ({_TURNS}) AND NOT is_error"),
    "error_count": _count("is_error"),
    "with_status": "count(cost_status)",
    "pending_calls": _count("cost_status IS NULL AND NOT is_error"),
    "unpriced_calls": _count("cost_status = 'unpriced'"),
    "partial_calls": _count("cost_status = 'partial'"),
    "estimated_calls": _count("cost_status = 'estimated'"),
    "free_calls": _count("cost_status = 'free'"),
}
TOKENS: Final = {
    "input_tokens": "coalesce(sum(input_tokens), 0)",
    "output_tokens": "coalesce(sum(output_tokens), 0)",
    "cached_tokens": "coalesce(sum(cache_read_tokens), 0)",
}
#: As `answers.cost_status` says it of a row.
STATUS: Final = """CASE
    WHEN {with_status} > 0 AND {unpriced_calls} = {with_status} THEN 'unpriced'
    WHEN {pending_calls} > 0 AND {with_status} = 0 THEN 'unpriced'
    WHEN {unpriced_calls} > 0 OR {partial_calls} > 0 THEN 'partial'
    WHEN {estimated_calls} > 0 THEN 'estimated'
    WHEN {free_calls} = {with_status} THEN 'free'
    ELSE 'priced'
END""".format(**COUNTS)


def of_calls(money: Money) -> str:
    """The columns of a set of calls: `cost` in the type of `money`, the counts, the tokens."""
    columns = {"cost": money.total("amount"), **COUNTS, **TOKENS}
    return ", ".join(f"{expression} AS {name}" for name, expression in columns.items())


def of_sums(total: str) -> str:
    """The same columns where sets of calls are put together; `total`: how their `cost` is added up."""
    names = (*COUNTS, *TOKENS)
    return f"{total} AS cost, " + ", ".join(f"sum({name}) AS {name}" for name in names)
