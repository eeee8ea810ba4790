"""Dates and times, and texts of them, as Unix nanoseconds. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,30}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The largest time that a column holds.
LATEST: Final = 2**63 - 1


def moment(nanoseconds: int) -> datetime:
    """Unix nanoseconds as an aware time, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def of(moment: datetime) -> int:
    """Unix nanoseconds of an aware time."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def nanoseconds(text: object) -> int | None:
    """Unix nanoseconds of a date (its first moment in UTC) or of an RFC 3339 time, within a BIGINT.

    Before 1970 they are negative. None where `text` is neither.
    """
    if not isinstance(text, str):
        return None
    day, fraction, zone = text, "", "Z"
    if not _DATE.fullmatch(text):
        match = _TIME.fullmatch(text)
        if match is None:
            return None
        day, fraction, zone = match[1].upper(), match[2] or "", match[3].upper()
    try:
        # Subtracting before the zone is applied keeps the years 1 and 9999 from overflowing.
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH
        offset = timedelta() if zone == "Z" else datetime.fromisoformat(f"2000-01-01T00:00{zone}").utcoffset()
    except ValueError:
        return None
    assert offset is not None
    seconds = (moment - offset) // timedelta(seconds=1)
    return min(max(seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9]), -LATEST), LATEST)
