"""Exact decimal arithmetic, whatever the host application did to the global decimal context."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import (
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
)

#: Every operation is exact or raises `decimal.Inexact`: 60 digits hold any sum of amounts in practice.
EXACT = Context(prec=60, traps=[Clamped, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow])
#: For what has no last digit, and is rounded to a number of places at the end.
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])

ZERO = Decimal(0)
_HOUR = Decimal(3600)
#: A millionth of a millionth of a dollar.
_PLACES = Decimal("1e-12")
#: The finest amount that the collector stores.
_FINEST = Decimal("1e-24")


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of `amounts`; 0 for none."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def by_the_hour(rate: Decimal, seconds: Decimal | int) -> Decimal:
    """What `seconds` cost at `rate` USD per hour, rounded half to even to 12 places.

    A 3600th of a rate may have no last digit: only the product is divided, so that a whole hour costs `rate`.
    """
    cost = _ROUNDING.divide(_ROUNDING.multiply(rate, Decimal(seconds)), _HOUR)
    return cost.quantize(_PLACES, context=_ROUNDING)


def factor(percent: Decimal) -> Decimal:
    """What to multiply an amount with to have `percent` more of it, or less (below 0)."""
    return EXACT.add(1, percent.scaleb(-2, EXACT))


def written(number: float) -> Decimal:
    """`number` (0 or more) with the digits that it is written with, to 24 places: 0.1 is a tenth."""
    exact = Decimal(repr(abs(number)))  # -0.0 has a sign
    finer = exact.adjusted() - len(exact.as_tuple().digits) + 1 < _FINEST.adjusted()
    return exact.quantize(_FINEST, context=_ROUNDING) if finer else exact


def text(amount: Decimal) -> str:
    """`amount` in plain notation with its exact digits: no exponent, no trailing zeros (``0.0075``)."""
    digits = str(amount)
    if "E" in digits or "e" in digits:  # `capitals` of the host's decimal context says which
        digits = format(amount, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
