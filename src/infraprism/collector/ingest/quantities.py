"""What a call was billed for, as its span spells it: counts, lengths, percentages, names. Pure."""

from __future__ import annotations

import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from functools import lru_cache
from typing import Final

#: Longer texts are read anew each time: that bounds the memory of what was read.
_CACHED: Final = 500
_PLAIN: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?")
_SIGNED: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,18})?")
_PAIR: Final = re.compile(r"([^\s=]{1,200})=(\S+)")
# What DECIMAL(38, 18) holds.
_STORED: Final = Context(prec=38, traps=[Inexact, InvalidOperation])
_SMALLEST: Final = Decimal("1e-18")


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


def flag(value: object) -> bool | None:
    """True or false; None for all else."""
    return value if isinstance(value, bool) else None


def _decimal(value: object, form: re.Pattern[str]) -> Decimal | None:
    if not isinstance(value, str) or not form.fullmatch(value):
        return None
    try:
        return _STORED.quantize(Decimal(value), _SMALLEST)
    except DecimalException:
        return None
