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
from infraprism.openai.providers import Server
from infraprism.openai.response import Reply, chat
from infraprism.openai.surfaces import Surface
from infraprism.pricing import CURRENCY, Cost, Usage, money, price
from infraprism.sessions import Identity

if TYPE_CHECKING:
    from infraprism.tracing import Ledger


class Call:
    """One call in flight. `end` and `fail` may be called more than once; the first counts."""

    __slots__ = (
        "_began",
        "_ended",
        "_first_chunk",
        "_identity",
        "_ledger",
        "_metrics",
        "_model",
        "_reply",
        "_server",
        "_span",
        "_started_at",
        "_token",
        "surface",
    )

    def __init__(
        self,
        surface: Surface,
        server: Server,
        model: str | None,
        identity: Identity,
        span: Span,
        token: Token[Context],
        ledger: Ledger,
        metrics: Metrics,
    ) -> None:
        self.surface = surface
        self._server = server
        self._model = model
        self._identity = identity
        self._span = span
        self._token: Token[Context] | None = token
        self._ledger = ledger
        self._metrics = metrics
        self._reply = Reply()
        self._first_chunk: float | None = None
        self._ended = False
        self._started_at = datetime.now(UTC)
        self._began = time.perf_counter()

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
        self.surface.chunk(chunk, self._reply)

    @guard.guarded("telemetry_error")
    def answer(self, response: Any) -> None:
        """End the call with a whole response."""
        if self._ended:
            return
        try:
            self.surface.response(response, self._reply)
        finally:
            self._finish(None)

    @guard.guarded("telemetry_error")
    def fail(self, error: BaseException) -> None:
        """End the call with the exception that the caller is about to see."""
        if self._ended:
            return
        try:
            # A helper can refuse a reply that was given, and billed: it is in the exception.
            completion = getattr(error, "completion", None)
            if completion is not None:
                chat(completion, self._reply)
        finally:
            self._finish(error)

    @guard.guarded("telemetry_error")
    def end(self) -> None:
        """End the call with what is known by now."""
        if not self._ended:
            self._finish(None)

    def _finish(self, error: BaseException | None) -> None:
        self._ended = True
        duration = time.perf_counter() - self._began
        try:
            usage = self._reply.usage()
            cost = self._cost(usage, error)
            attributes = _reply_attributes(self._reply, self._first_chunk)
            if usage is not None:
                attributes.update(_usage_attributes(usage))
                for name in usage.invalid:
                    guard.drop("invalid_usage", f"impossible {name}")
            if cost is not None:
                attributes.update(_cost_attributes(cost))
                attributes.update(self._session_attributes(cost, error))
            if error is not None:
                attributes[semconv.ERROR_TYPE] = type(error).__qualname__
                # The class only: messages quote content and pieces of keys.
                self._span.set_status(StatusCode.ERROR, type(error).__qualname__)
            self._span.set_attributes(attributes)
            self._measure(duration, usage, cost, error)
        finally:
            self._span.end()

    def _cost(self, usage: Usage | None, error: BaseException | None) -> Cost | None:
        """The cost; None for a request that the API refused or that was never sent: those are not billed."""
        if usage is None and (
            isinstance(error, TypeError) or type(getattr(error, "status_code", None)) is int
        ):
            return None
        return price(
            usage,
            provider=self._server.provider,
            model=self._reply.model or self._model,
            service_tier=self._reply.service_tier,
            at=self._started_at,
        )

    def _session_attributes(self, cost: Cost, error: BaseException | None) -> dict[str, str | int]:
        """Add the call to its session, sampled or not, and give the session's totals."""
        identity = self._identity
        if identity.session_id is None:
            return {}
        totals = self._ledger.add(
            (identity.entity_type, identity.entity_id, identity.session_id),
            money.ZERO if cost.amount is None else cost.amount,
            turn=error is None and self.surface.operation in semconv.TURN_OPERATIONS,
        )
        return {semconv.SESSION_COST: money.text(totals.cost), semconv.SESSION_TURNS: totals.turns}

    def _measure(
        self, duration: float, usage: Usage | None, cost: Cost | None, error: BaseException | None
    ) -> None:
        dimensions: dict[str, str | int] = {
            semconv.OPERATION_NAME: self.surface.operation,
            semconv.PROVIDER_NAME: self._server.provider,
            semconv.SERVER_ADDRESS: self._server.address,
            semconv.SERVER_PORT: self._server.port,
        }
        if self._model is not None:
            dimensions[semconv.REQUEST_MODEL] = self._model
        if self._reply.model is not None:
            dimensions[semconv.RESPONSE_MODEL] = self._reply.model
        if error is not None:
            dimensions[semconv.ERROR_TYPE] = type(error).__qualname__
        self._metrics.measure(
            Measured(
                dimensions,
                duration,
                self._first_chunk,
                None if usage is None else usage.input_tokens,
                None if usage is None else usage.output_tokens,
                None if cost is None or cost.amount is None else float(cost.amount),
                CURRENCY if cost is None else cost.currency,
                "" if cost is None else cost.source,
                self._identity.entity_type,
            )
        )


def _reply_attributes(reply: Reply, first_chunk: float | None) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if reply.id is not None:
        attributes[semconv.RESPONSE_ID] = reply.id
    if reply.model is not None:
        attributes[semconv.RESPONSE_MODEL] = reply.model
    if reply.service_tier is not None:
        attributes[semconv.OPENAI_RESPONSE_SERVICE_TIER] = reply.service_tier
    if reply.system_fingerprint is not None:
        attributes[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = reply.system_fingerprint
    if reply.finish_reasons:
        reasons = reply.finish_reasons
        attributes[semconv.RESPONSE_FINISH_REASONS] = [reasons[index] for index in sorted(reasons)]
    if first_chunk is not None:
        attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = first_chunk
    return attributes


def _usage_attributes(usage: Usage) -> dict[str, int]:
    reported = (
        (semconv.USAGE_INPUT_TOKENS, usage.input_tokens),
        (semconv.USAGE_OUTPUT_TOKENS, usage.output_tokens),
        (semconv.USAGE_CACHE_READ_INPUT_TOKENS, usage.cache_read_tokens),
        (semconv.USAGE_CACHE_CREATION_INPUT_TOKENS, usage.cache_write_tokens),
        (semconv.USAGE_REASONING_OUTPUT_TOKENS, usage.reasoning_tokens),
    )
    return {attribute: tokens for attribute, tokens in reported if tokens is not None}


def _cost_attributes(cost: Cost) -> dict[str, Any]:
    if cost.amount is None:
        return {semconv.COST_STATUS: cost.status.value}
    return {
        semconv.COST_STATUS: cost.status.value,
        semconv.COST_AMOUNT: money.text(cost.amount),
        semconv.USAGE_COST: float(cost.amount),
        semconv.COST_CURRENCY: cost.currency,
        semconv.COST_SOURCE: cost.source,
        semconv.COST_PRICE_VERSION: cost.price_version,
        **{semconv.COST_PREFIX + part.name: money.text(part.amount) for part in cost.parts},
    }
