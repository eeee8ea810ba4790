"""Amounts in another currency."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from infraprism.pricing.exchange import Display, ExchangeRate

OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
DATED = Display("EUR", (ExchangeRate(NOVEMBER, Decimal("0.88")), ExchangeRate(OCTOBER, Decimal("0.9"))))
EVER = Display("EUR", (*DATED.rates, ExchangeRate(None, Decimal("0.91"))))


@pytest.mark.parametrize(
    ("at", "amount"),
    [
        (datetime(2026, 10, 31, 23, 59, tzinfo=UTC), "0.0009"),
        (NOVEMBER, "0.00088"),
        (datetime(2030, 1, 1, tzinfo=UTC), "0.00088"),
    ],
)
def test_the_rate_of_the_day(at, amount):
    assert DATED.convert(Decimal("0.001"), at) == EVER.convert(Decimal("0.001"), at) == Decimal(amount)


def test_before_the_first_rate():
    before = datetime(2026, 9, 30, tzinfo=UTC)
    assert DATED.convert(Decimal(1), before) is None
    assert EVER.convert(Decimal(1), before) == Decimal("0.91")


def test_no_digit_is_lost():
    amount = Decimal("123456789.123456789012345678901234")
    assert EVER.convert(amount, NOVEMBER) == Decimal("108641974.42864197433086419743308592")
