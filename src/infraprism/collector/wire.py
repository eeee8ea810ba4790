"""Answers as JSON text: money to its last digit, times in RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from starlette.responses import Response

from infraprism.pricing import money


class JSONAnswer(Response):
    """A response whose content is encoded by msgspec; `msgspec.Raw` values go out as they are."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Encode `content`."""
        return msgspec.json.encode(content)


def number(amount: Decimal) -> msgspec.Raw:
    """`amount` as a JSON number with exactly its digits: no exponent, no trailing zeros."""
    return msgspec.Raw(money.text(amount).encode())


def time(nanoseconds: int) -> str:
    """Unix nanoseconds as RFC 3339 in UTC, cut to microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{rest // 1000:06d}Z"
