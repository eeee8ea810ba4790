"""Where a list goes on, as opaque text that belongs to one order of it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from infraprism.collector import times
from infraprism.collector.problems import Problem

_COST: Final = re.compile(r"[0-9]{1,30}(\.[0-9]{1,24})?")


def write(order: Sequence[str], numbers: Sequence[int | Decimal], texts: Sequence[str]) -> str:
    """The cursor of a place: numbers, then texts, in a list of this order."""
    plain = [f"{number:f}" if isinstance(number, Decimal) else f"{number}" for number in numbers]
    content = msgspec.json.encode([list(order), plain, list(texts)])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read(
    text: str, order: Sequence[str], kinds: Sequence[type[Any]], texts: int
) -> tuple[list[Any], list[str]]:
    """The numbers, of these types, and the texts of a cursor. Raises `Problem`."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        written, plain, keys = msgspec.json.decode(content, type=tuple[list[str], list[str], list[str]])
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise _bad("must be the next_cursor of an earlier answer") from None
    if written != list(order):
        raise _bad("belongs to a list in another order; ask with the same sort and order, or without it")
    numbers = [_number(one, kind) for one, kind in zip(plain, kinds, strict=False)]
    if len(plain) != len(kinds) or len(keys) != texts or None in numbers:
        raise _bad("must be the next_cursor of an earlier answer")
    return numbers, keys


def _number(text: str, kind: type[Any]) -> int | Decimal | None:
    if kind is Decimal:
        return Decimal(text) if _COST.fullmatch(text) else None
    if not re.fullmatch(r"[0-9]{1,30}", text):
        return None
    return int(text) if int(text) <= times.LATEST else None


def _bad(detail: str) -> Problem:
    return Problem(400, f"cursor {detail}", parameter="cursor")
