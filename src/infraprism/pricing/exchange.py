"""Amounts shown in another currency, at dated rates. What is stored stays in its own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from infraprism.pricing import money


class ExchangeRate(NamedTuple):
    """What one US dollar is worth from a moment on (aware; None: ever) until the next rate begins."""

    starts: datetime | None
    rate: Decimal


class Display(NamedTuple):
    """The currency in which amounts are shown beside their own: its ISO 4217 code and its rates by date."""

    currency: str
    rates: tuple[ExchangeRate, ...]

    def rate(self, at: datetime) -> ExchangeRate | None:
        """The rate in force at `at`; None before the first."""
        begun = [rate for rate in self.rates if rate.starts is None or rate.starts <= at]
        # Only one can be without a beginning, and it is the oldest.
        return max(begun, key=lambda rate: (rate.starts is not None, rate.starts), default=None)

    def convert(self, dollars: Decimal, at: datetime) -> Decimal | None:
        """`dollars` in this currency, to the last digit; None where no rate is in force at `at`."""
        found = self.rate(at)
        return None if found is None else money.EXACT.multiply(dollars, found.rate)
