"""The life of one call: started with the request's facts, ended once with the response's facts and the cost.

Shells drive it (sync, async, streamed, raw); nothing here knows which.
"""

from __future__ import annotations

import time
from contextvars import Token
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode

from infraprism import guard, semconv
from infraprism.openai.metrics import Measured, Metrics
from infraprism.openai.response import Reply, chat
from infraprism.openai.target import Target, cost_dimensions_of, dimensions_of
from infraprism.pricing import UNPRICED, Cost, Usage, money, price
from infraprism.sessions import Identity

if TYPE_CHECKING:
    from infraprism.tracing import AttributeValue, Connection


class Call:
    """One call in flight. `answer`, `end` and `fail` may be called more than once; the first counts."""

    __slots__ = (
        "_began",
        "_connection",
        "_ended",
        "_first_chunk",
        "_identity",
        "_metrics",
        "_reply",
        "_span",
        "_started_at",
        "_target",
        "_token",
    )

    def __init__(
        self,
        target: Target,
        identity: Identity,
        span: Span,
        context: Context,
        connection: Connection,
        metrics: Metrics,
    ) -> None:
        self._target = target
        self._identity = identity
        self._span = span
        self._connection = connection
        self._metrics = metrics
        self._reply = Reply()
        self._first_chunk: float | None = None
        self._ended = False
        self._started_at = datetime.now(UTC)
        self._began = time.perf_counter()
        # Last: where something above fails, nothing stays attached.
        self._token: Token[Context] | None = otel_context.attach(context)

    @property
    def ended(self) -> bool:
        """Whether the call has ended."""
        return self._ended

    def leave(self) -> None:
        """Give the caller's context back: the client's method has returned or raised."""
        if self._token is not None:
            token, self._token = self._token, None
            otel_context.detach(token)

    @guard.guarded("telemetry_error")
    def chunk(self, chunk: Any) -> None:
        """Take note of one chunk of the stream."""
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._began
        self._target.surface.chunk(chunk, self._reply)

    @guard.guarded("telemetry_error")
    def answer(self, response: Any) -> None:
        """End the call with a whole response."""
        if self._ended:
            return
        try:
            self._target.surface.response(response, self._reply)
        finally:
            self._finish(None)

    @guard.guarded("telemetry_error")
    def fail(self, error: BaseException) -> None:
        """End the call with the exception that the caller is about to see.

        A call that is cancelled or interrupted has not failed.
        """
        if self._ended:
            return
        try:
            # A helper can refuse a reply that was given, and billed: it is in the exception.
            completion = getattr(error, "completion", None)
            if completion is not None:
                chat(completion, self._reply)
        finally:
            self._finish(error if isinstance(error, Exception) else None)

    @guard.guarded("telemetry_error")
    def end(self) -> None:
        """End the call with what is known by now."""
        if not self._ended:
            self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        self._ended = True
        duration = time.perf_counter() - self._began
        span, reply = self._span, self._reply
        error_type = reply.error_type if error is None else type(error).__qualname__
        try:
            usage = reply.usage()
            cost = self._cost(usage, error)
            found: dict[str, AttributeValue] = {}
            _add_reply(found, reply, self._first_chunk)
            if usage is not None:
                _add_usage(found, usage)
            if cost is not None:
                _add_cost(found, cost)
                self._add_session(found, cost, error_type)
            if error_type is not None:
                found[semconv.ERROR_TYPE] = error_type
                # The class only: messages quote content and pieces of keys.
                span.set_status(StatusCode.ERROR, error_type)
            self._connection.write(span, found)
            self._measure(duration, error_type, usage, cost)
        finally:
            span.end()

    def _measure(
        self, duration: float, error_type: str | None, usage: Usage | None, cost: Cost | None
    ) -> None:
        target, known = self._target, cost or UNPRICED
        self._metrics.measure(
            Measured(
                dimensions_of(target, self._reply.model, error_type),
                cost_dimensions_of(target, known.currency, known.source, self._identity.entity_type),
                duration,
                self._first_chunk,
                None if usage is None else usage.input_tokens,
                None if usage is None else usage.output_tokens,
                None if known.amount is None else float(known.amount),
            )
        )

    def _cost(self, usage: Usage | None, error: Exception | None) -> Cost | None:
        """The cost; None for a request that the API refused or that was never sent: those are not billed."""
        if usage is None and (
            isinstance(error, TypeError) or type(getattr(error, "status_code", None)) is int
        ):
            return None
        return price(
            usage,
            provider=self._target.server.provider,
            model=self._reply.model or self._target.model,
            service_tier=self._reply.service_tier,
            at=self._started_at,
        )

    def _add_session(self, found: dict[str, AttributeValue], cost: Cost, error_type: str | None) -> None:
        """Add the call to its session, whether or not its span is sampled, and the session's totals."""
        entity = self._identity
        if entity.session_id is None:
            return
        totals = self._connection.ledger.add(
            (entity.entity_type, entity.entity_id, entity.session_id),
            money.ZERO if cost.amount is None else cost.amount,
            turn=error_type is None and self._target.surface.operation in semconv.TURN_OPERATIONS,
        )
        found[semconv.SESSION_COST] = money.text(totals.cost)
        found[semconv.SESSION_TURNS] = totals.turns


def _add_reply(found: dict[str, AttributeValue], reply: Reply, first_chunk: float | None) -> None:
    if reply.id is not None:
        found[semconv.RESPONSE_ID] = reply.id
    if reply.model is not None:
        found[semconv.RESPONSE_MODEL] = reply.model
    if reply.service_tier is not None:
        found[semconv.OPENAI_RESPONSE_SERVICE_TIER] = reply.service_tier
    if reply.system_fingerprint is not None:
        found[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = reply.system_fingerprint
    if reply.finish_reasons:
        reasons = sorted(reply.finish_reasons.items())
        found[semconv.RESPONSE_FINISH_REASONS] = tuple(reason for _, reason in reasons)
    if first_chunk is not None:
        found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = first_chunk


def _add_usage(found: dict[str, AttributeValue], usage: Usage) -> None:
    if usage.input_tokens is not None:
        found[semconv.USAGE_INPUT_TOKENS] = usage.input_tokens
    if usage.output_tokens is not None:
        found[semconv.USAGE_OUTPUT_TOKENS] = usage.output_tokens
    if usage.cache_read_tokens is not None:
        found[semconv.USAGE_CACHE_READ_INPUT_TOKENS] = usage.cache_read_tokens
    if usage.cache_write_tokens is not None:
        found[semconv.USAGE_CACHE_CREATION_INPUT_TOKENS] = usage.cache_write_tokens
    if usage.reasoning_tokens is not None:
        found[semconv.USAGE_REASONING_OUTPUT_TOKENS] = usage.reasoning_tokens
    for name in usage.invalid:
        guard.drop("invalid_usage", f"impossible {name}")


def _add_cost(found: dict[str, AttributeValue], cost: Cost) -> None:
    found[semconv.COST_STATUS] = cost.status.value
    if cost.amount is None:
        return
    found[semconv.COST_AMOUNT] = money.text(cost.amount)
    found[semconv.USAGE_COST] = float(cost.amount)
    found[semconv.COST_CURRENCY] = cost.currency
    found[semconv.COST_SOURCE] = cost.source
    if cost.price_version is not None:
        found[semconv.COST_PRICE_VERSION] = cost.price_version
    for part in cost.parts:
        found[semconv.COST_PREFIX + part.name] = money.text(part.amount)
