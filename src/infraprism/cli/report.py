"""Sessions as a table, and the check that each total is the sum of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.table import Table

from infraprism.cli.price_tables import entity
from infraprism.pricing import Status, money

_COUNTS = {"turns": "turn_count", "calls": "call_count", "in": "input_tokens", "out": "output_tokens"}


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows of `GET /v1/analytics/sessions`, and their total, as a table."""
    result = Table(box=box.SIMPLE_HEAD, show_footer=True)
    result.add_column("entity", "total", no_wrap=True)
    result.add_column("session", f"{len(rows)}", no_wrap=True, overflow="ellipsis", ratio=1)
    for heading, name in _COUNTS.items():
        result.add_column(heading, f"{sum(row[name] or 0 for row in rows):,}", justify="right")
    spent = money.total(map(_cost, rows))
    unpriced = sum(row["unpriced_calls"] for row in rows)
    total = _dollars(spent, unpriced, is_floor=any(map(_is_partial, rows)))
    result.add_column("cost", total, justify="right", no_wrap=True)
    for row in rows:
        result.add_row(
            entity(row),
            row["session_id"],
            *(f"{row[name] or 0:,}" for name in _COUNTS.values()),
            cost(row),
        )
    return result


def cost(row: dict[str, Any]) -> str:
    """The total of a row in all its digits; one that misses something is a floor and says so."""
    return _dollars(_cost(row), row["unpriced_calls"], is_floor=_is_partial(row))


def differences(details: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each session whose total is not, to the last digit, the sum of its calls."""
    wrong: list[str] = []
    for detail in details:
        added = money.total(Decimal(call["cost"]) for call in detail["calls"] if call["cost"] is not None)
        if added != _cost(detail) or len(detail["calls"]) != detail["call_count"]:
            wrong.append(f"{detail['session_id']}: total {_cost(detail):f}, its calls add up to {added:f}")
    return wrong


def _dollars(amount: Decimal, unpriced: int, *, is_floor: bool) -> str:
    missing = f", {unpriced} unpriced" if unpriced else ""
    return f"{'≥ ' if is_floor or unpriced else ''}${money.text(amount)}{missing}"


def _is_partial(row: dict[str, Any]) -> bool:
    return bool(row["cost_status"] == Status.PARTIAL)


def _cost(row: dict[str, Any]) -> Decimal:
    return Decimal(row["total_cost"])
