"""Query parameters as a table: what each means, may be, and how it is read. `openapi` shows the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from infraprism.collector import times
from infraprism.collector.problems import Problem

_AMOUNT: Final = r"[0-9]{1,14}(\.[0-9]{1,24})?"


@dataclass(frozen=True)
class Kind:
    """What a value may be: as JSON Schema, and as a reader that raises `ValueError` with what it must be."""

    schema: dict[str, Any]
    read: Callable[[str], Any]


def choice(*words: str) -> Kind:
    """One of some words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return Kind({"type": "string", "enum": list(words)}, read)


def whole(most: int) -> Kind:
    """A whole number from 1 on."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(text)

    return Kind({"type": "integer", "minimum": 1, "maximum": most}, read)


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty; leave it out for all")
    return text


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _amount(text: str) -> Decimal:
    if not re.fullmatch(_AMOUNT, text):
        raise ValueError("must be a plain decimal number from 0, with at most 14 digits before the point")
    return Decimal(text)


def _moment(text: str) -> str:
    if times.nanoseconds(text) is None:
        raise ValueError(
            "must be a date such as 2025-01-01 or an RFC 3339 time with zone such as"
            " 2025-01-01T12:00:00Z (in a URL, write + as %2B)"
        )
    return text


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError):  # a path, a folder, a name that nothing has
        raise ValueError("must be the name of a time zone such as Europe/Berlin") from None


TEXT: Final = Kind({"type": "string", "minLength": 1}, _text)
#: Where the empty text has a meaning.
ANY_TEXT: Final = Kind({"type": "string"}, str)
FLAG: Final = Kind({"type": "boolean"}, _flag)
#: Dollars.
AMOUNT: Final = Kind({"type": "string", "pattern": f"^{_AMOUNT}$"}, _amount)
#: Kept as text, since what a date is depends on the time zone.
MOMENT: Final = Kind({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}, _moment)
ZONE: Final = Kind({"type": "string", "minLength": 1, "example": "Europe/Berlin"}, _zone)


@dataclass(frozen=True)
class Parameter:
    """One query parameter. `is_prefix`: its name only begins so. `repeats`: it comes any number of times."""

    name: str
    kind: Kind
    meaning: str
    default: Any = None
    is_prefix: bool = False
    repeats: bool = False

    def read(self, name: str, text: str) -> Any:
        """The value of `text`, or a `Problem` that names the parameter."""
        try:
            return self.kind.read(text)
        except ValueError as error:
            raise Problem(400, f"{name} {error}", parameter=name) from None


def read(pairs: Iterable[tuple[str, str]], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The values of all `parameters` by their names, those not given by their default. Raises `Problem`.

    Of one with `is_prefix` the value is a tuple of pairs: what came after the prefix, and the value.
    """
    values: dict[str, Any] = {
        one.name: () if one.is_prefix or one.repeats else one.default for one in parameters
    }
    seen = set()
    for name, text in pairs:
        known = _of(name, parameters)
        if name in seen and not known.repeats:
            raise Problem(400, f"{name} is given more than once", parameter=name)
        seen.add(name)
        value = known.read(name, text)
        if known.is_prefix:
            values[known.name] += ((name.removeprefix(known.name), value),)
        elif known.repeats:
            if value in values[name]:
                raise Problem(400, f"{name} has {text!r} more than once", parameter=name)
            values[name] += (value,)
        else:
            values[name] = value
    return values


def _of(name: str, parameters: Sequence[Parameter]) -> Parameter:
    for one in parameters:
        if name == one.name and not one.is_prefix:
            return one
        if one.is_prefix and name.startswith(one.name) and name != one.name:
            return one
    known = ", ".join(sorted(f"{one.name}<key>" if one.is_prefix else one.name for one in parameters))
    expected = f"; known are {known}" if known else ""
    raise Problem(400, f"there is no parameter {name!r}{expected}", parameter=name)
