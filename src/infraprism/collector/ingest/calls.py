"""The rows that spans and events become, and what one request brought of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeVar

from infraprism.collector.ingest.heads import RejectedError


class Call(NamedTuple):
    """One row of `calls`; the fields are its columns, in their order. None is "not reported"."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    #: Unix nanoseconds.
    started_at: int
    ended_at: int
    name: str
    session_id: str | None
    entity_type: str | None
    entity_id: str | None
    tags: dict[str, str]
    provider: str | None
    operation: str | None
    request_model: str | None
    response_model: str | None
    #: The tier that served the call.
    service_tier: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    #: In `currency`; None unless the cost status is priced, estimated, partial or free.
    amount: Decimal | None
    currency: str | None
    #: None: there is nothing to price. The API refused the request, or the response is still to come.
    cost_status: str | None
    cost_source: str | None
    price_version: str | None
    cost_parts: dict[str, Decimal]
    is_error: bool
    error_type: str | None
    service_name: str | None
    #: JSON text of the attributes that no column holds.
    attributes: str
    #: What the parts of the cost were billed for; empty where the sender did not say.
    cost_quantities: dict[str, Decimal]
    #: Since when the rates hold, in Unix nanoseconds.
    effective_from: int | None
    #: The entity's discount (below 0) or mark-up, which is in the parts.
    adjustment_percent: Decimal | None
    #: Quantities without a column of their own, by their names in `pricing.Usage`.
    usage: dict[str, Decimal]
    #: Names of what is billed beside, without a price.
    usage_unpriced: list[str]
    #: Whether it was a request of a batch.
    is_batch: bool
    #: Whether it came without a cost, and has what it costs by the collector's prices.
    is_priced_here: bool = False
    #: Whether its session was found in its trace, and whether its entity was with it.
    is_session_inherited: bool = False
    is_entity_inherited: bool = False


class SessionSpan(NamedTuple):
    """One row of `spans`: a span of a session that is not a call. The fields are its columns."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    started_at: int
    ended_at: int
    name: str
    session_id: str
    entity_type: str | None
    entity_id: str | None
    tags: dict[str, str]
    is_error: bool
    error_type: str | None
    service_name: str | None
    attributes: str


Row = TypeVar("Row", Call, SessionSpan)


def unique(rows: Sequence[Row]) -> list[Row]:
    """`rows` without those that repeat an earlier one: the same span that started at the same time."""
    found: dict[tuple[str, str, int], Row] = {}
    for row in rows:
        found.setdefault((row.trace_id, row.span_id, row.started_at), row)
    return list(found.values())


class Link(NamedTuple):
    """Of a span that is not kept, what it is in: it may lie between a call and its session."""

    trace_id: str
    span_id: str
    parent_span_id: str
    started_at: int


@dataclass(slots=True)
class Batch:
    """What one request brought: the rows to store, and what became of the rest, counted by reason."""

    calls: list[Call] = field(default_factory=list)
    spans: list[SessionSpan] = field(default_factory=list)
    #: Spans, or log records, as the request is one of the former or the latter.
    ignored: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    #: The first that was rejected for each reason, and its field at fault, in words.
    first_rejected: dict[str, str] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list, compare=False)
    #: Values (an amount, a token count) that could not be used; their call is kept.
    values_dropped: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.calls) + len(self.spans)

    def reject(self, error: RejectedError, item: bytes | None = None) -> None:
        """Count an item that cannot be stored; `item` is its span id, where that is known."""
        self.rejected[error.reason] += 1
        named = f"{error.field} of span {item[:8].hex()}" if item else error.field
        self.first_rejected.setdefault(error.reason, named)
