"""One OTLP span, or what an event says of one, in; one row of the store out, or a named refusal.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from infraprism import semconv
from infraprism.collector.ingest.attributes import Attributes
from infraprism.collector.ingest.foreign import priced
from infraprism.collector.ingest.heads import Head, RejectedError, check

SERVICE_NAME: Final = "service.name"
#: Why a span is accepted and not kept.
NO_CALL_NO_SESSION: Final = "no_call_no_session"


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


def read_request(request: ExportTraceServiceRequest) -> Batch:
    """Sort every span of `request` into a `Batch`. A malformed span never affects its neighbours."""
    batch = Batch()
    for resource_spans in request.resource_spans:
        service_name = service_name_of(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                add(span, service_name, batch)
    return batch


def add(span: Span, service_name: str | None, batch: Batch) -> None:
    """Sort one span into `batch`."""
    try:
        row = read_span(span, service_name, batch.values_dropped)
    except RejectedError as error:
        batch.reject(error, span.span_id)
        return
    if isinstance(row, Call):
        batch.calls.append(row)
    elif row is not None:
        batch.spans.append(row)
    else:
        batch.ignored[NO_CALL_NO_SESSION] += 1
        if span.parent_span_id:
            ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
            batch.links.append(Link(*ids, span.start_time_unix_nano))


def read_span(span: Span, service_name: str | None, dropped: Counter[str]) -> Call | SessionSpan | None:
    """The row that `span` becomes, or None when it is neither a call nor in a session.

    Reasons of values that could not be used are added to `dropped`. Raises `RejectedError`.
    """
    head = Head(
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.name,
        span.status.code == Status.STATUS_CODE_ERROR,
    )
    return read(head, Attributes(span.attributes, dropped), service_name)


def read(head: Head, attributes: Attributes, service_name: str | None) -> Call | SessionSpan | None:
    """The row that a span or an event of a call becomes; as `read_span`."""
    check(head)
    is_call = attributes.is_call()
    foreign = attributes.foreign() if is_call else None
    if foreign is not None or not is_call:
        attributes.adopt()
    session_id = attributes.session_id()
    if not is_call and session_id is None:
        return None
    parent_span_id = head.parent_span_id.hex() if any(head.parent_span_id) else None
    entity_type = attributes.text(semconv.ENTITY_TYPE)
    entity_id = attributes.text(semconv.ENTITY_ID)
    tags = attributes.tags()
    error_type = attributes.text(semconv.ERROR_TYPE)
    is_error = error_type is not None or head.is_error
    if not is_call:
        assert session_id is not None
        return SessionSpan(
            trace_id=head.trace_id.hex(),
            span_id=head.span_id.hex(),
            parent_span_id=parent_span_id,
            started_at=head.started_at,
            ended_at=head.ended_at,
            name=head.name,
            session_id=session_id,
            entity_type=entity_type,
            entity_id=entity_id,
            tags=tags,
            is_error=is_error,
            error_type=error_type,
            service_name=service_name,
            attributes=attributes.remaining(),
        )
    attributes.translate()
    cost = attributes.cost(is_error=is_error)
    usage = attributes.usage()
    usage_unpriced = attributes.usage_unpriced()
    is_batch = attributes.is_batch()
    call = Call(
        trace_id=head.trace_id.hex(),
        span_id=head.span_id.hex(),
        parent_span_id=parent_span_id,
        started_at=head.started_at,
        ended_at=head.ended_at,
        name=head.name,
        session_id=session_id,
        entity_type=entity_type,
        entity_id=entity_id,
        tags=tags,
        provider=attributes.text(semconv.PROVIDER_NAME),
        operation=attributes.text(semconv.OPERATION_NAME) or (foreign and foreign.operation),
        request_model=attributes.text(semconv.REQUEST_MODEL),
        response_model=attributes.text(semconv.RESPONSE_MODEL),
        service_tier=attributes.text(semconv.OPENAI_RESPONSE_SERVICE_TIER),
        input_tokens=attributes.tokens(semconv.USAGE_INPUT_TOKENS),
        output_tokens=attributes.tokens(semconv.USAGE_OUTPUT_TOKENS),
        cache_read_tokens=attributes.tokens(semconv.USAGE_CACHE_READ_INPUT_TOKENS),
        cache_write_tokens=attributes.tokens(semconv.USAGE_CACHE_CREATION_INPUT_TOKENS),
        reasoning_tokens=attributes.tokens(semconv.USAGE_REASONING_OUTPUT_TOKENS),
        amount=cost.amount,
        currency=attributes.text(semconv.COST_CURRENCY),
        cost_status=cost.status,
        cost_source=attributes.text(semconv.COST_SOURCE),
        price_version=attributes.text(semconv.COST_PRICE_VERSION),
        cost_parts=cost.parts,
        is_error=is_error,
        error_type=error_type,
        service_name=service_name,
        attributes=attributes.remaining(),
        cost_quantities=cost.quantities,
        effective_from=cost.effective_from,
        adjustment_percent=cost.adjustment_percent,
        usage=usage,
        usage_unpriced=usage_unpriced,
        is_batch=is_batch,
    )
    return call if foreign is None else priced(call, foreign.facts, foreign.cost)


def service_name_of(resource: Resource) -> str | None:
    """The name of the service that sends."""
    for item in resource.attributes:
        if item.key == SERVICE_NAME and item.value.WhichOneof("value") == "string_value":
            return str(item.value.string_value) or None
    return None
