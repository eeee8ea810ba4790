"""Exact numbers and times in JSON."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.collector import wire


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.007500000000000000000000", "0.0075"),
        ("0E-24", "0"),
        ("1E-24", "0.000000000000000000000001"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("10.0", "10"),
    ],
)
def test_a_number_is_plain_and_short(amount: str, text: str) -> None:
    assert wire.number(Decimal(amount)) == msgspec.Raw(text.encode())


@given(st.decimals(min_value=0, max_value=10**20, places=24, allow_nan=False))
def test_a_number_keeps_every_digit(amount: Decimal) -> None:
    body = wire.JSONAnswer({"cost": wire.number(amount)}).body

    assert json.loads(body, parse_float=Decimal, parse_int=Decimal) == {"cost": amount}


def test_times_are_rfc_3339_in_utc() -> None:
    assert wire.time(0) == "1970-01-01T00:00:00.000000Z"
    assert wire.time(1_735_689_600_123_456_789) == "2025-01-01T00:00:00.123456Z"
    assert wire.time(2**63 - 1) == "2262-04-11T23:47:16.854775Z"
