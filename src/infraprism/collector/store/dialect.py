"""What is DuckDB's own in the SQL of the questions, each under a name that says what it does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

import duckdb

from infraprism.pricing import money

_T = TypeVar("_T")
_SCALE: Final = 24
_DECIMAL: Final = "DECIMAL(38, 24)"


class Money(NamedTuple):
    """How amounts are added up: `total` of a column or a sum, `bound` to compare with, `read` in Python."""

    total: Callable[[str], str]
    bound: Callable[[str], str]
    read: Callable[[Any], Decimal]


def _read_wide(value: Any) -> Decimal:
    return Decimal(value).scaleb(-_SCALE, money.EXACT)


#: Fast, and exact as far as the type goes: up to 10**14 dollars in one sum.
NARROW: Final = Money(
    total=lambda column: f"coalesce(sum({column}), 0)",
    bound=lambda parameter: f"CAST({parameter} AS {_DECIMAL})",
    read=Decimal,
)
#: The same in whole numbers of any size. A sum of sums stays one.
WIDE: Final = Money(
    total=lambda column: (
        f"coalesce(sum(CAST(replace(CAST({column} AS VARCHAR), '.', '') AS BIGNUM)), CAST('0' AS BIGNUM))"
    ),
    bound=lambda parameter: f"CAST(replace(CAST({parameter} AS VARCHAR), '.', '') AS BIGNUM)",
    read=_read_wide,
)


def exactly(connection: Any, question: Callable[[Money], _T]) -> _T:
    """The answer to `question`, whatever amounts are stored: no total, however absurd, is refused."""
    try:
        return question(NARROW)
    except (duckdb.OutOfRangeException, duckdb.ConversionException):
        # The transaction is lost with it; a later snapshot is as good as this one.
        connection.rollback()
        connection.begin()
        return question(WIDE)


def amount(value: Decimal) -> str:
    """`value` as it is bound to `Money.bound`: text with all decimals of a stored amount."""
    return f"{value:.{_SCALE}f}"


def at(column: str, key: str) -> str:
    """The value of a map at a key, or NULL."""
    return f"{column}[{key}]"


def entries(column: str) -> str:
    """The pairs of a map, a row each: structs of `key` and `value`."""
    return f"unnest(map_entries({column}))"


def sum_of_values(column: str) -> str:
    """The sum of the amounts that a map holds."""
    return f"coalesce(list_sum(map_values({column})), 0)"


def distinct(expression: str) -> str:
    """The distinct values of a group, as a list."""
    return f"list(DISTINCT {expression})"


def percentile(column: str, share: str) -> str:
    """The nearest-rank percentile: the smallest value that at least this share of all do not exceed."""
    return f"quantile_disc({column}, {share})"


def rows_of(names: dict[str, str]) -> str:
    """A table of bound lists, one column for each parameter."""
    return "SELECT " + ", ".join(
        f"unnest(CAST({name} AS VARCHAR[])) AS {alias}" for alias, name in names.items()
    )


def quotient(number: str, by: int) -> str:
    """A whole number divided by another, cut to a whole one."""
    return f"({number}) // {by}"
