"""Pieces that the templates share."""

from __future__ import annotations

from decimal import Decimal

from infraprism.collector.dashboard import rendering


def test_an_average_of_a_floor_is_rounded_down_too() -> None:
    parts = rendering._environment().get_template("parts.html").module
    known = {"cost_status": "priced", "unpriced_calls": 0}

    assert ">$2.00<" in parts.each(known, Decimal("1.999"))
    assert ">≥&nbsp;$1.99<" in parts.each({**known, "cost_status": "partial"}, Decimal("1.999"))
    assert ">≥&nbsp;$1.99<" in parts.each({**known, "unpriced_calls": 1}, Decimal("1.999"))
