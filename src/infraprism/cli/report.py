"""Sessions as a table, and the check that each total is the sum of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.table import Table

from infraprism.pricing import money

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
    result.add_column("cost", dollars(spent, unpriced), justify="right", no_wrap=True)
    for row in rows:
        result.add_row(
            f"{row['entity_type']}/{row['entity_id']}" if row["entity_type"] else "",
            row["session_id"],
            *(f"{row[name] or 0:,}" for name in _COUNTS.values()),
            dollars(_cost(row), row["unpriced_calls"]),
        )
    return result


def dollars(amount: Decimal, unpriced: int) -> str:
    """An amount in all its digits; one that misses unpriced calls is a floor and says so."""
    exact = f"${money.text(amount)}"
    return f"≥ {exact}, {unpriced} unpriced" if unpriced else exact


def differences(details: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each session whose total is not, to the last digit, the sum of its calls."""
    wrong: list[str] = []
    for detail in details:
        added = money.total(Decimal(call["cost"]) for call in detail["calls"] if call["cost"] is not None)
        if added != _cost(detail) or len(detail["calls"]) != detail["call_count"]:
            wrong.append(f"{detail['session_id']}: total {_cost(detail):f}, its calls add up to {added:f}")
    return wrong


def _cost(row: dict[str, Any]) -> Decimal:
    return Decimal(row["total_cost"])
