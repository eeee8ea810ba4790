"""What an answer means for the records that were sent: the table of what is tried again, and what is not."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import Final

from infraprism_exporter_otlp.counts import HeldReason

#: A server cannot ask for more than this, seconds.
LONGEST_RETRY_AFTER: Final = 60.0
#: Key, permission, address: nothing is wrong with the records. They are kept for the next process.
_HELD: Final[dict[int, HeldReason]] = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "proxy_authentication",
}
_TRANSIENT: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class Outcome(Enum):
    """What to do with the records."""

    ACCEPTED = "accepted"
    #: Try again later.
    RETRY = "retry"
    #: Try again in two halves.
    SPLIT = "split"
    #: Keep them for another process to send.
    HOLD = "hold"
    #: Sending them again cannot help.
    DROP = "drop"


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes:
        headers: with names in lower case.
        body: the beginning of it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Verdict:
    """What an answer means.

    Attributes:
        held: why, of `HOLD`.
        retry_after: seconds that the server asks to wait, of `RETRY`.
    """

    outcome: Outcome
    held: HeldReason | None = None
    retry_after: float | None = None


def judge(answer: Answer) -> Verdict:
    """The verdict on an answer. Without one (no connection, no answer in time) it is always `RETRY`."""
    status = answer.status
    if 200 <= status < 300:
        return Verdict(Outcome.ACCEPTED)
    if status in _TRANSIENT or status >= 500:
        return Verdict(Outcome.RETRY, retry_after=_retry_after(answer.headers.get("retry-after")))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Verdict(Outcome.SPLIT)
    if 300 <= status < 400:
        return Verdict(Outcome.HOLD, held="redirected")
    if status in _HELD:
        return Verdict(Outcome.HOLD, held=_HELD[status])
    return Verdict(Outcome.DROP)


def _retry_after(written: str | None) -> float | None:
    """Seconds, from a number of them or a date, at most `LONGEST_RETRY_AFTER`; None where it says neither."""
    if written is None:
        return None
    try:
        seconds = float(written)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(written).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER) if math.isfinite(seconds) else None
