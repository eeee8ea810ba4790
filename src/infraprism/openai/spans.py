"""The span of a call: started in its session's trace, ended with what became of the call and what it cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from infraprism import guard, semconv, sessions
from infraprism.openai import attributes, events
from infraprism.openai.metrics import Measured, Metrics
from infraprism.openai.response import Reply
from infraprism.openai.target import Target
from infraprism.pricing import Cost, Usage, money
from infraprism.sessions import Identity

if TYPE_CHECKING:
    from infraprism.tracing import Connection


class Outcome(NamedTuple):
    """What became of a call.

    Attributes:
        usage: what was reported.
        estimated: what was counted in its place.
        cost: None for a request that is not billed.
        counts: a turn where its operation is one: billed, or to be billed when its response is fetched.
        duration: seconds; None where nobody waited for it.
        beside: further attributes of the span.
    """

    reply: Reply
    usage: Usage | None
    cost: Cost | None
    error_type: str | None
    duration: float | None
    first_chunk: float | None = None
    estimated: Usage | None = None
    counts: bool = False
    beside: Mapping[str, Any] | None = None


def start(
    connection: Connection,
    target: Target,
    identity: Identity,
    context: Context,
    known: dict[str, Any],
    start_time: int | None = None,
) -> Span:
    """Start the span of a call in `context`; where that is in no other span, as the session's mode says.

    `known`: the attributes that a sampler may ask for. `start_time`: Unix nanoseconds, by default now.
    """
    where = sessions.place(identity, context, start_time)
    starting = sessions.starting
    starting.trace_id, starting.attributes = where.trace_id, known
    try:
        span = connection.tracer.start_span(
            target.name,
            context=where.context,
            kind=SpanKind.CLIENT,
            attributes=known,
            links=where.links,
            start_time=start_time,
            record_exception=False,
            set_status_on_exception=False,
        )
    finally:
        starting.trace_id = starting.attributes = None
    if not span.is_recording():
        span = events.remembering(span, where.context, target.name, known, start_time)
    if target.surface.operation in semconv.TURN_OPERATIONS:
        sessions.started(identity, where, span)
    return span


def finish(
    span: Span,
    target: Target,
    identity: Identity,
    connection: Connection,
    metrics: Metrics,
    outcome: Outcome,
    end_time: int | None = None,
) -> None:
    """Add a call to its session and to the metrics, whether or not its span is sampled, and end the span.

    Where it is not sampled, an event says what it would have said.
    """
    reply, usage, cost, error_type, duration, first_chunk, estimated, counts, beside = outcome
    totals = None
    try:
        if (cost is not None or counts) and identity.session_id is not None:
            totals = connection.ledger.add(
                (identity.entity_type, identity.entity_id, identity.session_id),
                money.ZERO if cost is None or cost.amount is None else cost.amount,
                turn=error_type is None and target.surface.operation in semconv.TURN_OPERATIONS,
            )
        if usage is not None and usage.invalid:
            for name in usage.invalid:
                guard.drop("invalid_usage", f"impossible {name}")
        metrics.measure(
            Measured(
                target, identity.entity_type, reply.model, error_type, duration, first_chunk, usage, cost
            )
        )
        logger = None if span.get_span_context().trace_flags.sampled else events.logger_for(span, connection)
        if logger is None and not span.is_recording():
            return
        found = attributes.read(reply, usage, cost)
        if estimated is not None:
            found[semconv.ESTIMATED_OUTPUT_TOKENS] = estimated.output_tokens or 0
            if estimated.input_tokens is not None:
                found[semconv.ESTIMATED_INPUT_TOKENS] = estimated.input_tokens
            found.update(attributes.further(estimated))
        if first_chunk is not None:
            found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = first_chunk
        if beside:
            found.update(beside)
        if totals is not None:
            found.update(totals.attributes())
        if error_type is not None:
            found[semconv.ERROR_TYPE] = error_type
            # The class only: messages quote content and pieces of keys.
            span.set_status(StatusCode.ERROR, error_type)
        if span.is_recording():
            connection.write(span, found)
        if logger is not None:
            end_time = time.time_ns() if end_time is None else end_time
            events.send(logger, span, found, end_time)
    finally:
        span.end(end_time)
        if cost is not None:
            connection.tell(
                identity,
                cost,
                totals,
                provider=target.server.provider,
                model=reply.model or target.model,
                operation=target.surface.operation,
            )
