"""One OTLP span, or what an event says of one, in; one row of the store out, or a named refusal.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from infraprism import semconv
from infraprism.collector.ingest.attributes import Attributes
from infraprism.collector.ingest.calls import Batch, Call, Link, SessionSpan
from infraprism.collector.ingest.foreign import priced
from infraprism.collector.ingest.heads import Head, RejectedError, check

SERVICE_NAME: Final = "service.name"
#: Why a span is accepted and not kept.
NO_CALL_NO_SESSION: Final = "no_call_no_session"


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
    # What rows of both kinds begin with, in the order of their columns; between the two is the session.
    place = (
        head.trace_id.hex(),
        head.span_id.hex(),
        head.parent_span_id.hex() if any(head.parent_span_id) else None,
        head.started_at,
        head.ended_at,
        head.name,
    )
    owner = (
        attributes.text(semconv.ENTITY_TYPE),
        attributes.text(semconv.ENTITY_ID),
        attributes.tags(),
    )
    error_type = attributes.text(semconv.ERROR_TYPE)
    is_error = error_type is not None or head.is_error
    if not is_call:
        assert session_id is not None
        return SessionSpan(
            *place,
            session_id,
            *owner,
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
        *place,
        session_id,
        *owner,
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
