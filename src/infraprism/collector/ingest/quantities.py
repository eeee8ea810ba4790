"""What a call cost and was billed for, as its span spells it: amounts, counts, names, times. Pure."""

from __future__ import annotations

import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from functools import lru_cache
from typing import Final

from infraprism.collector import times
from infraprism.pricing import Cost
from infraprism.pricing import money as exact

#: Longer texts are no amounts and no times; that they are not kept bounds the memory of what was read.
_LONGEST: Final = 200
#: Longer lists of parts are read anew each time, for the same reason.
_CACHED: Final = 500
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{0,64})?([eE][+-]?[0-9]{1,3})?")
# 38 digits, 24 of them decimals, is what DECIMAL(38, 24) holds; what does not fit exactly raises.
_EXACT: Final = Context(prec=38, traps=[Inexact, InvalidOperation])
_SMALLEST_AMOUNT: Final = Decimal("1e-24")
_PLAIN: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?")
_SIGNED: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,18})?")
_PAIR: Final = re.compile(r"([^\s=]{1,200})=(\S+)")
# The same of DECIMAL(38, 18).
_SMALLEST: Final = Decimal("1e-18")


def money(text: object) -> Decimal | None:
    """The exact, non-negative amount that `text` spells, or None when no DECIMAL(38, 24) holds it."""
    return _money(text) if isinstance(text, str) and len(text) <= _LONGEST else None


@lru_cache(4096)  # calls of one kind cost the same again and again
def _money(text: str) -> Decimal | None:
    if not _AMOUNT.fullmatch(text):
        return None
    try:
        amount = _EXACT.quantize(Decimal(text), _SMALLEST_AMOUNT)
    except DecimalException:
        return None
    if not amount:
        return abs(amount)  # -0 is 0
    return None if amount.is_signed() else amount


def are_storable(cost: Cost) -> bool:
    """Whether the columns hold the amount of `cost`, which has one, and those of its parts."""
    amounts = (cost.amount, *(part.amount for part in cost.parts))
    return all(amount is not None and money(exact.text(amount)) is not None for amount in amounts)


def count(value: object) -> Decimal | None:
    """An integer from 0; None for all else."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return Decimal(value) if is_count else None  # type: ignore[arg-type]


def length(value: object) -> Decimal | None:
    """A number of seconds from 0: an integer, or a plain decimal text; None for all else."""
    return _decimal(value, _PLAIN) if isinstance(value, str) else count(value)


def percentage(value: object) -> Decimal | None:
    """A plain decimal text, which may be below 0; None for all else."""
    return _decimal(value, _SIGNED)


def by_part(value: object) -> dict[str, Decimal] | None:
    """The quantities of the parts of a cost, ``input=800 output=50``, in their order; None for all else."""
    if not isinstance(value, str):
        return None
    found = _by_part(value) if len(value) <= _CACHED else _by_part.__wrapped__(value)
    return None if found is None else dict(found)


@lru_cache(4096)
def _by_part(value: str) -> dict[str, Decimal] | None:
    found: dict[str, Decimal] = {}
    for item in value.split(" "):
        pair = _PAIR.fullmatch(item)
        number = None if pair is None else length(pair[2])
        if pair is None or number is None or pair[1] in found:
            return None
        found[pair[1]] = number
    return found


def names(value: object) -> list[str] | None:
    """A list of texts; None for all else."""
    are_names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return value if are_names else None  # type: ignore[return-value]


def moment(value: object) -> int | None:
    """Unix nanoseconds of an RFC 3339 time, or of a date; None for all else."""
    return _nanoseconds(value) if isinstance(value, str) and len(value) <= _LONGEST else None


_nanoseconds: Final = lru_cache(1024)(times.nanoseconds)


def flag(value: object) -> bool | None:
    """True or false; None for all else."""
    return value if isinstance(value, bool) else None


def _decimal(value: object, form: re.Pattern[str]) -> Decimal | None:
    if not isinstance(value, str) or not form.fullmatch(value):
        return None
    try:
        return _EXACT.quantize(Decimal(value), _SMALLEST)
    except DecimalException:
        return None
