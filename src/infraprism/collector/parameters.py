"""Query parameters: text in, checked values out, or a problem that names the parameter."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from infraprism.collector.problems import Problem
from infraprism.collector.queries import Position, SessionFilter

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,30}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH: Final = datetime(1970, 1, 1)
_MAX_BIGINT: Final = 2**63 - 1


def session_list(pairs: Iterable[tuple[str, str]]) -> tuple[SessionFilter, int]:
    """The filter and the page size that the parameters of the session list ask for. Raises `Problem`."""
    given = _once(pairs, {"entity_type", "entity_id", "start_date", "limit", "cursor"})
    start_date, cursor = given.get("start_date"), given.get("cursor")
    wanted = SessionFilter(
        entity_type=given.get("entity_type"),
        entity_id=given.get("entity_id"),
        active_since=None if start_date is None else _nanoseconds("start_date", start_date),
        after=None if cursor is None else _position(cursor),
    )
    return wanted, _limit(given.get("limit", str(DEFAULT_LIMIT)))


def one_session(pairs: Iterable[tuple[str, str]], session_id: str) -> SessionFilter:
    """The filter that finds one session. Raises `Problem`."""
    given = _once(pairs, {"entity_type", "entity_id"})
    return SessionFilter(session_id, given.get("entity_type"), given.get("entity_id"))


def none(pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse every parameter. Raises `Problem`."""
    _once(pairs, set())


def cursor(position: Position) -> str:
    """The opaque text that `session_list` reads back as `position`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def _once(pairs: Iterable[tuple[str, str]], known: set[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            expected = f"; known are {', '.join(sorted(known))}" if known else ""
            raise Problem(400, f"there is no parameter {name!r}{expected}", parameter=name)
        if name in given:
            raise Problem(400, f"{name} is given more than once", parameter=name)
        given[name] = value
    return given


def _limit(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise Problem(400, f"limit must be a whole number from 1 to {MAX_LIMIT}", parameter="limit")


def _nanoseconds(name: str, text: str) -> int:
    """Unix nanoseconds of a date (its first moment in UTC) or of a time with zone, within a BIGINT."""
    day, fraction, zone = text, "", "Z"
    if not _DATE.fullmatch(text):
        match = _TIME.fullmatch(text)
        if match is None:
            raise _bad_time(name)
        day, fraction, zone = match[1].upper(), match[2] or "", match[3].upper()
    try:
        # Subtracting before the zone is applied keeps the years 1 and 9999 from overflowing.
        moment = datetime.fromisoformat(day) - _EPOCH
        offset = timedelta() if zone == "Z" else datetime.fromisoformat(f"2000-01-01T00:00{zone}").utcoffset()
    except ValueError:
        raise _bad_time(name) from None
    assert offset is not None
    seconds = (moment - offset) // timedelta(seconds=1)
    nanoseconds = seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])
    return min(max(nanoseconds, 0), _MAX_BIGINT)


def _bad_time(name: str) -> Problem:
    return Problem(
        400,
        f"{name} must be a date such as 2025-01-01 or an RFC 3339 time with zone such as"
        " 2025-01-01T12:00:00Z (in a URL, write + as %2B)",
        parameter=name,
    )


def _position(text: str) -> Position:
    try:
        padded = text + "=" * (-len(text) % 4)
        position = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Position)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        position = None
    if position is None or not 0 <= position.last_activity_at <= _MAX_BIGINT:
        raise Problem(400, "cursor must be the next_cursor of an earlier answer", parameter="cursor")
    return position
