"""The calls of a session added up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from infraprism.collector.dashboard.sums import Sum, added

CALLS: list[dict[str, Any]] = [
    {"cost": Decimal("0.3"), "cost_parts": {"input": Decimal("0.1"), "output": Decimal("0.2")}},
    {"cost": None, "cost_parts": {}},
    {"cost": Decimal("0.000000000000000000000001"), "cost_parts": {}},
    {"cost": 1, "cost_parts": {"input": 1}},
]
TOTAL = Decimal("1.300000000000000000000001")


@pytest.mark.parametrize(
    ("total", "count", "agrees"),
    [(TOTAL, 4, True), (TOTAL + Decimal("1e-24"), 4, False), (TOTAL, 5, False)],
)
def test_to_the_last_digit(total: Decimal, count: int, agrees: bool) -> None:
    parts = {
        "input": Decimal("1.1"),
        "output": Decimal("0.2"),
        "unexplained": Decimal("0.000000000000000000000001"),
    }
    assert added({"total_cost": total, "call_count": count}, CALLS) == Sum(4, parts, TOTAL, agrees)
