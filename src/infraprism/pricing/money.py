"""Exact decimal arithmetic, whatever the host application did to the global decimal context."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow

#: Every operation is exact or raises `decimal.Inexact`: 60 digits hold any sum of amounts in practice.
EXACT = Context(prec=60, traps=[Clamped, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow])

ZERO = Decimal(0)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of `amounts`; 0 for none."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def text(amount: Decimal) -> str:
    """`amount` in plain notation with its exact digits: no exponent, no trailing zeros (``0.0075``)."""
    digits = str(amount)
    if "E" in digits or "e" in digits:  # `capitals` of the host's decimal context says which
        digits = format(amount, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
