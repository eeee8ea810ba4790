"""The life of one call: started with the request's facts, ended once with the response's facts and the cost.

Shells drive it (sync, async, streamed, raw); nothing here knows which.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Span

from infraprism import guard
from infraprism.openai import abandoned, budget, estimate, pending, spans, stream_usage, transport
from infraprism.openai.charge import cost_of, is_billed
from infraprism.openai.content import Content
from infraprism.openai.inside import Inside
from infraprism.openai.metrics import Metrics
from infraprism.openai.response import Reply, chat, text
from infraprism.openai.target import Target
from infraprism.pricing import Cost, Status, Usage
from infraprism.sessions import Hold, Identity, keeper

if TYPE_CHECKING:
    from infraprism.tracing import Connection


class Call:
    """One call in flight. `answer`, `end` and `fail` may be called more than once; the first counts.

    Attributes:
        arguments: what to send.
        hold: what is reserved for it in budgets; None where nothing was.
    """

    __slots__ = (
        "__weakref__",
        "_asked",
        "_began",
        "_connection",
        "_content",
        "_ended",
        "_first_chunk",
        "_identity",
        "_inside",
        "_metrics",
        "_once",
        "_prompt",
        "_reply",
        "_span",
        "_started_at",
        "_target",
        "_transport",
        "_unsent",
        "arguments",
        "hold",
    )

    def __init__(
        self,
        target: Target,
        identity: Identity,
        span: Span,
        context: Context | None,
        connection: Connection,
        metrics: Metrics,
        arguments: dict[str, Any],
        asked: dict[str, Any] | None = None,
        ago: float = 0.0,
        content: Content | None = None,
        hold: Hold | None = None,
    ) -> None:
        """Start one, in `context` until `leave`; None leaves the current one in place.

        `asked`: `arguments` with the stream's usage asked for, where that is to be done. `ago`: seconds that
        have passed since it began. `content`: keeps what is said, where that is wanted.
        """
        self.hold = hold
        self._content = content
        self._target = target
        self._identity = identity
        self._span = span
        self._connection = connection
        self._metrics = metrics
        self.arguments = arguments if asked is None else asked
        self._asked = None if asked is None else stream_usage.Asked(arguments)
        self._reply = reply = Reply()
        if (billed := target.surface.billed) is not None:
            reply.quantities = billed(arguments)
        if (unpriced := target.surface.unpriced) is not None:
            reply.billed_items = unpriced(arguments)
        self._prompt: dict[str, Any] = {}
        self._transport: dict[str, Any] | None = None
        self._unsent = False
        self._first_chunk: float | None = None
        self._ended = False
        self._once = [True]
        self._started_at = datetime.now(UTC)
        self._began = time.perf_counter() - ago
        # Last: where something above fails, nothing stays attached.
        self._inside = None if context is None else Inside(context, self)

    @property
    def ended(self) -> bool:
        """Whether the call has ended."""
        return self._ended

    def leave(self) -> None:
        """Give the caller's context back: the client's method has returned or raised."""
        if self._inside is not None:
            self._inside.leave()
            self._inside = None

    def again(self, error: BaseException) -> bool:
        """The client's method raised `error`: True to send `arguments`, now others; else the call failed."""
        if self._stop_asking(error):
            return True
        self.leave()
        if self._transport is None:  # there was no answer, or one that refused
            self._reply.quantities = {}
            # The client's errors of the way to the server and back have the request with them.
            self._unsent = getattr(error, "request", None) is None
        self.fail(error)
        return False

    def give_up(self) -> None:
        """End the call, of which nothing was sent."""
        self.leave()
        self._reply.refused = True
        self.end()

    @guard.guarded("telemetry_error")
    def _stop_asking(self, error: BaseException) -> bool:
        own = None if self._asked is None else self._asked.refused(self._target.server, error)
        if own is None:
            return False
        self.arguments = own
        return True

    @guard.guarded("telemetry_error")
    def received(self, response: Any, resends: Any) -> None:
        """Take note of the HTTP response, got after `resends` retries."""
        self._transport = transport.read(response, resends)
        server = self._target.server
        if server.provider == server.address:  # nobody known: perhaps a gateway
            cost = transport.reported_cost(response)
            if cost is not None:
                self._reply.quantities["reported_cost"] = cost

    @guard.guarded("telemetry_error")
    def streams(self) -> None:
        """The reply comes as a stream: keep what an estimate would need."""
        abandoned.end_at_exit(self)
        if self._asked is not None:
            stream_usage.remember(self._target.server, takes=self._asked.takes)
        if self._target.surface.estimated:
            self._prompt = estimate.snapshot(self.arguments)
            self._reply.pieces = []

    @guard.guarded("telemetry_error")
    def chunk(self, chunk: Any) -> None:
        """Take note of one chunk of the stream."""
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._began
        self._target.surface.chunk(chunk, self._reply)
        if self._content is not None:
            self._content.chunk(chunk)

    @property
    def reads(self) -> Callable[[Any], object]:
        """What may be shown chunks in place of `chunk`; it may raise."""
        if self._content is not None:
            return self.chunk
        read, reply = self._target.surface.chunk, self._reply

        def see(chunk: Any) -> None:
            if self._first_chunk is None:
                self._first_chunk = time.perf_counter() - self._began
            read(chunk, reply)

        return see

    @property
    def hides(self) -> bool:
        """Whether chunks are to be shown to `hide` before the caller sees them."""
        return self._asked is not None and self._asked.takes

    @guard.guarded("telemetry_error")
    def hide(self, chunk: Any) -> bool:
        """True where the caller is not to see a chunk."""
        return stream_usage.hide(chunk)

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
            if self._content is not None:
                self._content.answer(response)
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
            if self._transport is None:
                self._transport = transport.read_error(error)
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
        try:
            self._once.pop()
        except IndexError:
            return  # another thread was quicker
        self._ended = True
        duration = time.perf_counter() - self._began
        target, reply = self._target, self._reply
        error_type = reply.error_type if error is None else type(error).__qualname__
        usage = estimated = cost = None
        deferred = False
        try:
            usage = reply.usage()
            deferred = target.surface.deferrable and pending.created(
                reply, usage, self._identity, target.model, streamed=self._first_chunk is not None
            )
            if not deferred:
                if usage is None:
                    estimated = estimate.of_stream(reply, self._prompt, target.model, error_type)
                cost = self._cost(usage, estimated, error)
        finally:
            if keeper.budgets or self.hold is not None:
                budget.settle(self.hold, self._identity, cost, self._span.get_span_context())
            outcome = spans.Outcome(
                reply,
                usage,
                cost,
                error_type,
                duration,
                self._first_chunk,
                estimated,
                deferred,
                self._beside(),
            )
            spans.finish(self._span, target, self._identity, self._connection, self._metrics, outcome)
            # Whoever keeps the stream does not keep the conversation.
            self.arguments, self._asked, self._prompt, reply.pieces = {}, None, {}, None

    @guard.guarded("telemetry_error")
    def _beside(self) -> dict[str, Any] | None:
        """What else the span says: of the transport, and what was said."""
        if self._content is None or not self._span.is_recording():
            return self._transport
        content, self._content = self._content, None
        return {**(self._transport or {}), **content.attributes()}

    def _cost(self, usage: Usage | None, estimated: Usage | None, error: Exception | None) -> Cost | None:
        """The cost; None for a request that the API refused or that was never sent: those are not billed."""
        if usage is None and estimated is None and not is_billed(self._reply, error, unsent=self._unsent):
            return None
        target = self._target
        cost = cost_of(
            target.surface,
            target.server,
            self._identity,
            self._reply,
            estimated or usage,
            asked_model=target.model,
            at=self._started_at,
            asked_tier=None if estimated is None else text(self.arguments.get("service_tier")),
        )
        if estimated is not None and cost.status is Status.PRICED:
            return cost._replace(status=Status.ESTIMATED)
        return cost
