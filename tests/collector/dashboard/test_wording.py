"""Amounts, lengths and times as people read them."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.collector.dashboard import wording

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("amount", "short", "floor", "exact"),
    [
        (None, "unknown", "unknown", "unknown"),
        (0, "$0", "$0", "$0"),
        (Decimal("0.01"), "$0.01", "$0.01", "$0.01"),
        (Decimal("0.5"), "$0.50", "$0.50", "$0.5"),
        (Decimal("0.0075"), "$0.0075", "$0.0075", "$0.0075"),
        (Decimal("0.00123456789"), "$0.001235", "$0.001234", "$0.00123456789"),
        (Decimal("0.000000000000000000000001"), *["$0.000000000000000000000001"] * 3),
        (Decimal("0.99999"), "$1.00", "$0.9999", "$0.99999"),
        (1, "$1.00", "$1.00", "$1"),
        (Decimal("1234567.899"), "$1,234,567.90", "$1,234,567.89", "$1,234,567.899"),
        (
            Decimal("99999999999999.999999999999999999999999"),
            "$100,000,000,000,000.00",
            "$99,999,999,999,999.99",
            "$99,999,999,999,999.999999999999999999999999",
        ),
    ],
)
def test_an_amount(amount: Decimal | int | None, short: str, floor: str, exact: str) -> None:
    assert wording.dollars(amount) == short
    assert wording.dollars(amount, is_floor=True) == floor
    assert wording.exact(amount) == exact


@given(st.decimals(min_value=0, max_value=10**14, places=24))
def test_what_is_not_zero_never_looks_like_it_and_a_floor_is_never_above(amount: Decimal) -> None:
    shown = Decimal(wording.dollars(amount, is_floor=True).replace("$", "").replace(",", ""))
    assert shown <= amount
    assert (shown == 0) == (amount == 0)


@pytest.mark.parametrize(
    ("row", "expected", "in_full"),
    [
        (
            {"total_cost": Decimal("0.0123456"), "cost_status": "priced", "unpriced_calls": 0},
            "$0.01235",
            "$0.0123456",
        ),
        (
            {"total_cost": Decimal("0.0123456"), "cost_status": "partial", "unpriced_calls": 2},
            "≥ $0.01234, 2 unpriced",
            "≥ $0.0123456, 2 unpriced",
        ),
        (
            {"total_cost": Decimal("0.0123456"), "cost_status": "partial", "unpriced_calls": 0},
            "≥ $0.01234",
            "≥ $0.0123456",
        ),
        ({"total_cost": 2, "cost_status": "estimated", "unpriced_calls": 0}, "≈ $2.00", "≈ $2"),
        (
            {"total_cost": 0, "cost_status": "unpriced", "unpriced_calls": 3},
            "unknown, 3 unpriced",
            "unknown, 3 unpriced",
        ),
        ({"total_cost": 0, "cost_status": "unpriced", "unpriced_calls": 0}, "unknown", "unknown"),
        ({"total_cost": 0, "cost_status": "free", "unpriced_calls": 0}, "$0", "$0"),
        ({"total_cost": 0, "cost_status": None, "unpriced_calls": 0}, "$0", "$0"),
    ],
)
def test_a_total_says_how_far_it_can_be_trusted(row: dict[str, Any], expected: str, in_full: str) -> None:
    assert (wording.cost(row), wording.cost(row, in_full=True)) == (expected, in_full)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"cost": Decimal("0.01"), "cost_status": "priced"}, "$0.01"),
        ({"cost": Decimal("0.00123456"), "cost_status": "partial"}, "≥ $0.001234"),
        ({"cost": Decimal("0.01"), "cost_status": "estimated"}, "≈ $0.01"),
        ({"cost": None, "cost_status": "unpriced"}, "unknown"),
        ({"cost": None, "cost_status": None, "is_error": True}, "not billed"),
        ({"cost": None, "cost_status": None, "is_error": False}, "still to come"),
    ],
)
def test_the_cost_of_a_call(call: dict[str, Any], expected: str) -> None:
    assert wording.cost_of_call(call) == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (None, "–"),
        (0, "0 ms"),
        (999, "999 ms"),
        (-1500, "−1.5 s"),
        (1500, "1.5 s"),
        (60_000, "1 min"),
        (3_723_000, "1 h 2 min"),
        (3_601_000, "1 h"),
        (90_061_000, "1 d 1 h"),
    ],
)
def test_a_length_of_time(milliseconds: int | None, expected: str) -> None:
    assert wording.duration(milliseconds) == expected


def test_a_time_names_its_zone() -> None:
    summer, end = "2026-07-01T22:30:15.123456Z", "9999-12-31T23:59:59.999999Z"
    assert wording.moment(summer, BERLIN) == "2 Jul 2026, 00:30:15 CEST"
    assert wording.moment(summer, UTC) == "1 Jul 2026, 22:30:15 UTC"
    assert wording.moment(end, BERLIN) == "31 Dec 9999, 23:59:59 UTC"
    assert wording.brief("2020-01-01T00:00:00Z", BERLIN) == "1 Jan 2020, 01:00 CET"
    assert wording.day("2026-06-30T22:00:00Z", BERLIN) == "1 Jul"
    assert wording.day("2026-06-30T23:00:00Z", BERLIN) == "1 Jul 01:00"
    assert wording.moment(None, UTC) == wording.day(None, UTC) == "–"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (None, "–"),
        (0, "no change"),
        (Decimal("12.345"), "+12.3 %"),
        (-50, "−50 %"),
        (Decimal("1234.5"), "+1,234.5 %"),
    ],
)
def test_a_change(number: Decimal | int | None, expected: str) -> None:
    assert wording.percent(number) == expected


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("customer", "acme", "customer/acme"),
        (None, None, "no entity"),
        ("team", None, "team, no id"),
        (None, "acme", "no type/acme"),
    ],
)
def test_an_entity(kind: str | None, name: str | None, expected: str) -> None:
    assert wording.entity({"entity_type": kind, "entity_id": name}) == expected
