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
from infraprism.openai import attributes
from infraprism.openai.metrics import Measured, Metrics
from infraprism.openai.response import Reply, chat
from infraprism.openai.target import Target
from infraprism.pricing import Cost, Usage, money, price
from infraprism.sessions import Identity

if TYPE_CHECKING:
    from infraprism.tracing import Connection


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
        context: Context | None,
        connection: Connection,
        metrics: Metrics,
        *,
        ago: float = 0.0,
    ) -> None:
        """Start one, in `context` until `leave`; None leaves the current one in place.

        `ago`: seconds that have passed since it began.
        """
        self._target = target
        self._identity = identity
        self._span = span
        self._connection = connection
        self._metrics = metrics
        self._reply = Reply()
        self._first_chunk: float | None = None
        self._ended = False
        self._started_at = datetime.now(UTC)
        self._began = time.perf_counter() - ago
        # Last: where something above fails, nothing stays attached.
        self._token: Token[Context] | None = None if context is None else otel_context.attach(context)

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
    def note(self, known: Any) -> None:
        """Take note of what the server said of the response, which is no chunk of it."""
        self._target.surface.chunk(known, self._reply)

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
            found = attributes.read(reply, usage, cost)
            if self._first_chunk is not None:
                found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = self._first_chunk
            if error_type is not None:
                found[semconv.ERROR_TYPE] = error_type
                # The class only: messages quote content and pieces of keys.
                span.set_status(StatusCode.ERROR, error_type)
            identity = self._identity
            if cost is not None and identity.session_id is not None:
                # Whether or not the span is sampled.
                totals = self._connection.ledger.add(
                    (identity.entity_type, identity.entity_id, identity.session_id),
                    money.ZERO if cost.amount is None else cost.amount,
                    turn=error_type is None and self._target.surface.operation in semconv.TURN_OPERATIONS,
                )
                found[semconv.SESSION_COST] = money.text(totals.cost)
                found[semconv.SESSION_TURNS] = totals.turns
            self._connection.write(span, found)
            if usage is not None and usage.invalid:
                for name in usage.invalid:
                    guard.drop("invalid_usage", f"impossible {name}")
            self._metrics.measure(
                Measured(
                    self._target,
                    identity.entity_type,
                    reply.model,
                    error_type,
                    duration,
                    self._first_chunk,
                    usage,
                    cost,
                )
            )
        finally:
            span.end()

    def _cost(self, usage: Usage | None, error: Exception | None) -> Cost | None:
        """The cost; None for a request that the API refused or that was never sent: those are not billed."""
        if usage is None and (
            self._reply.refused
            or isinstance(error, TypeError)
            or type(getattr(error, "status_code", None)) is int
        ):
            return None
        return price(
            usage,
            provider=self._target.server.provider,
            model=self._reply.model or self._target.model,
            service_tier=self._reply.service_tier,
            at=self._started_at,
        )
