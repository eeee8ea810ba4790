"""What tells a span apart, and whether the store can hold it; an event of a call has the same."""

from __future__ import annotations

from typing import Final, NamedTuple

#: Why a span or an event is refused, as its sender is told.
REJECTIONS: Final = {
    "malformed": "it is not valid OTLP",
    "too_large": "it is larger than 4 MiB",
    "too_many_attributes": "it has more than 10,000 attributes",
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
    """What cannot be stored."""

    def __init__(self, reason: str, field: str) -> None:
        """`reason` is a key of `REJECTIONS`; `field` is the one at fault, as OTLP spells it in protobuf."""
        super().__init__(reason)
        self.reason = reason
        self.field = field


def check(head: Head) -> None:
    """Raise `RejectedError` where the store cannot hold it."""
    if len(head.trace_id) != 16 or not any(head.trace_id):
        raise RejectedError("trace_id_invalid", "trace_id")
    if len(head.span_id) != 8 or not any(head.span_id):
        raise RejectedError("span_id_invalid", "span_id")
    if not head.started_at or not head.ended_at:
        raise RejectedError(
            "time_missing", "end_time_unix_nano" if head.started_at else "start_time_unix_nano"
        )
    if max(head.started_at, head.ended_at) > _MAX_BIGINT:
        raise RejectedError("time_out_of_range", "end_time_unix_nano")
    if head.ended_at < head.started_at:
        raise RejectedError("ended_before_started", "end_time_unix_nano")
