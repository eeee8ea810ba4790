"""What tells a span apart, and whether the store can hold it; an event of a call has the same."""

from __future__ import annotations

from typing import Final, NamedTuple

#: Why a span or an event is refused, as its sender is told.
REJECTIONS: Final = {
    "malformed": "it is not valid OTLP/JSON",
    "trace_id_invalid": "the trace id is not 16 bytes, or all zeros",
    "span_id_invalid": "the span id is not 8 bytes, or all zeros",
    "time_missing": "the start time or the end time is missing",
    "time_out_of_range": "a time lies beyond the year 2262",
    "ended_before_started": "the end lies before the start",
}

_MAX_BIGINT: Final = 2**63 - 1


class Head(NamedTuple):
    """A span, or what an event says of one, without its attributes."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    #: Unix nanoseconds.
    started_at: int
    ended_at: int
    name: str
    is_error: bool = False


class RejectedError(ValueError):
    """What cannot be stored; the argument is a key of `REJECTIONS`."""


def check(head: Head) -> None:
    """Raise `RejectedError` where the store cannot hold it."""
    if len(head.trace_id) != 16 or not any(head.trace_id):
        raise RejectedError("trace_id_invalid")
    if len(head.span_id) != 8 or not any(head.span_id):
        raise RejectedError("span_id_invalid")
    if not head.started_at or not head.ended_at:
        raise RejectedError("time_missing")
    if max(head.started_at, head.ended_at) > _MAX_BIGINT:
        raise RejectedError("time_out_of_range")
    if head.ended_at < head.started_at:
        raise RejectedError("ended_before_started")
