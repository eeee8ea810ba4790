"""The fields of a TOML table, each read as what it must be; what is wrong is noted, and reading goes on."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from infraprism.pricing import money
from infraprism.pricing.book import Period
from infraprism.pricing.problems import Problem
from infraprism.pricing.toml_lines import Path

#: Longest text that names something.
_MOST_CHARACTERS = 200
#: Digits of a number that is not simply too long.
_MOST_DIGITS = 30
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


class Number(str):
    """A number with a fraction, as the file writes it: it is read without a `float` in between."""

    __slots__ = ()


class Fields:
    """One table. A field that was not asked for by the time of `done` is a mistake."""

    def __init__(
        self, values: Mapping[str, Any], path: Path, lines: Mapping[Path, int], problems: list[Problem]
    ) -> None:
        self._values = values
        self._path = path
        self._lines = lines
        self._problems = problems
        self._known: dict[str, None] = {}

    @property
    def line(self) -> int:
        """Where the table begins."""
        return self._lines.get(self._path, 1)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def wrong(self, name: str, message: str) -> None:
        """Note a mistake in the field `name`, or in the whole table where it is empty."""
        path = (*self._path, name) if name else self._path
        field = ".".join(part for part in path if isinstance(part, str))
        self._problems.append(Problem(self._lines.get(path, self.line), field, message))

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A short text on one line."""
        value = self._take(name, required=required)
        if value is None:
            return None
        if type(value) is str and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable():
            return value
        self.wrong(name, f"must be a text of 1 to {_MOST_CHARACTERS} printable characters")
        return None

    def texts(self, name: str) -> list[str]:
        """One short text, or an array of them; required."""
        value = self._take(name, required=True)
        if value is None:
            return []
        many = value if isinstance(value, list) else [value]
        if many and all(type(one) is str and 0 < len(one) <= _MOST_CHARACTERS for one in many):
            return many
        self.wrong(name, "must be a text, or an array of texts")
        return []

    def decimal(
        self, name: str, least: int, most: int, places: int, *, required: bool = False
    ) -> Decimal | None:
        """A number with at most `places` decimals, as a text or bare, exactly as it is written."""
        value = self._take(name, required=required)
        if value is None:
            return None
        number = _decimal(value)
        if number is not None and least <= number <= most:
            exponent = number.as_tuple().exponent
            if isinstance(exponent, int) and -exponent <= places:
                return number if number else money.ZERO  # without a sign
        wanted = f"a number from {least} to {most} with at most {places} decimals"
        self.wrong(name, f'must be {wanted}, such as "2.50"')
        return None

    def whole(self, name: str) -> int | None:
        """A number from 1; required."""
        value = self._take(name, required=True)
        if value is None or (type(value) is int and 0 < value < 2**63):
            return value
        self.wrong(name, "must be a whole number from 1, such as 272000")
        return None

    def flag(self, name: str) -> bool:
        """Whether it is set."""
        value = self._take(name)
        if value is not None and not isinstance(value, bool):
            self.wrong(name, "must be true or false")
        return value is True

    def moment(self, name: str) -> datetime | None:
        """A date, or a date with a time, in UTC where it does not say."""
        value = self._take(name)
        if isinstance(value, datetime):
            # A zone can take the first and the last moments out of the calendar.
            with contextlib.suppress(OverflowError):
                return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        elif isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if value is not None:
            self.wrong(name, "must be a date without quotes, such as 2026-10-01 or 2026-10-01T12:00:00Z")
        return None

    def period(self) -> Period:
        """The fields ``from`` and ``until``."""
        starts, ends = self.moment("from"), self.moment("until")
        if starts is not None and ends is not None and ends <= starts:
            self.wrong("until", "must be later than from: it is the first moment that does not count")
        return Period(starts, ends)

    def entity(self, *, required: bool = False) -> tuple[str, str | None] | None:
        """The fields ``entity_type`` and ``entity_id``."""
        kind, id_ = self.text("entity_type", required=required), self.text("entity_id")
        if kind is None and id_ is not None and "entity_type" not in self:
            self.wrong("entity_id", "needs an entity_type beside it")
        return None if kind is None else (kind, id_)

    def tables(self, name: str) -> list[Fields]:
        """The tables of an array of tables."""
        value = self._take(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.wrong(name, f"must be tables, each headed [[{name}]] or in braces")
            return []
        return [self._inner(one, name, place) for place, one in enumerate(value)]

    def table(self, name: str) -> Fields | None:
        """One table."""
        value = self._take(name)
        if value is None or isinstance(value, dict):
            return None if value is None else self._inner(value, name)
        self.wrong(name, f"must be one table, headed [{name}]")
        return None

    def done(self) -> None:
        """Note every field that was not asked for."""
        for name in self._values:
            if name not in self._known:
                self.wrong(name, f"is not known here{_meant(name, self._known)}")

    def _take(self, name: str, *, required: bool = False) -> Any:
        self._known[name] = None
        value = self._values.get(name)
        if required and value is None:
            self.wrong("", f"needs {name}")
        return value

    def _inner(self, values: Mapping[str, Any], *path: str | int) -> Fields:
        return Fields(values, (*self._path, *path), self._lines, self._problems)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = int.__repr__(value) if isinstance(value, int) and abs(value) < 2**63 else value
    if not isinstance(text, str) or len(text) > _MOST_DIGITS:
        return None
    if isinstance(value, Number):
        text = text.replace("_", "")
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def _meant(name: str, known: Mapping[str, None]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; it can be {', '.join(known)}"
