"""The one span of a `session()` block, where sessions are nested: its calls are inside of it.

The tracer comes from whoever records the calls, when a block is entered: the SDK is never loaded from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode, Tracer

from infraprism import guard, semconv
from infraprism.sessions.attributes import attributes
from infraprism.sessions.identity import Identity
from infraprism.sessions.trace_ids import next_trace_id, starting

_KEY = otel_context.create_key("infraprism.session_span")


class Recorder(NamedTuple):
    """Where sessions are recorded.

    Attributes:
        tracer: starts their spans.
        totals: the attributes with which the span of a session ends.
    """

    tracer: Tracer
    totals: Callable[[Identity], Mapping[str, str | int]]


_find_recorder: Callable[[], Recorder | None] | None = None


def record_through(find: Callable[[], Recorder | None]) -> None:
    """Have `find` asked for the recorder whenever a block is to have a span; None: it has none then."""
    global _find_recorder
    _find_recorder = find


class SessionSpan:
    """The open span of a block.

    Attributes:
        context: what the block's calls are made in.
    """

    __slots__ = ("_ended", "_identity", "_outer", "_pid", "_recorder", "_span", "context")

    def __init__(self, identity: Identity, context: Context, span: Span, recorder: Recorder) -> None:
        self._identity = identity
        self._outer = trace.get_current_span(context)
        self._span = span
        self._recorder = recorder
        self._ended = False
        self._pid = os.getpid()
        self.context = trace.set_span_in_context(span, otel_context.set_value(_KEY, self, context))

    def encloses(self, identity: Identity) -> bool:
        """Whether spans of this session are to be inside."""
        return not self._ended and self._identity.session == identity.session

    def is_active(self, context: Context) -> bool:
        """Whether it is what a span that starts in `context` would be inside of."""
        return trace.get_current_span(context) is self._span

    def around(self, context: Context) -> Context:
        """`context` with the span that was active around the block in its place."""
        return trace.set_span_in_context(self._outer, context)

    @guard.guarded("telemetry_error")
    def end(self, error: BaseException | None) -> None:
        """End it with what the session has come to, and with the class of what left the block.

        A block that is cancelled or interrupted has not failed. A fork's child leaves it to its parent.
        """
        if self._ended or self._pid != os.getpid():
            return
        self._ended = True
        try:
            if self._span.is_recording():
                self._span.set_attributes(self._recorder.totals(self._identity))
                if isinstance(error, Exception):
                    name = type(error).__qualname__
                    self._span.set_attribute(semconv.ERROR_TYPE, name)
                    self._span.set_status(StatusCode.ERROR, name)
        finally:
            self._span.end()


@guard.guarded("telemetry_error")
def open_span(identity: Identity, context: Context) -> SessionSpan | None:
    """Start the span of a block of this session in `context`.

    None where the block has none: it has no session, is inside of a block of the same one, or nothing is
    recorded.
    """
    if identity.session_id is None or _find_recorder is None:
        return None
    enclosing = enclosing_in(context)
    if enclosing is not None and enclosing.encloses(identity):
        return None
    recorder = _find_recorder()
    if recorder is None:
        return None
    context = outside_of_others(identity, context)
    enclosed = trace.get_current_span(context).get_span_context().is_valid
    starting.trace_id = None if enclosed else next_trace_id(identity)
    try:
        span = recorder.tracer.start_span(
            semconv.SESSION_SPAN
            if identity.entity_type is None
            else f"{semconv.SESSION_SPAN} {identity.entity_type}",
            context=context,
            attributes=attributes(identity),
        )
    finally:
        starting.trace_id = None
    return SessionSpan(identity, context, span, recorder) if span.get_span_context().is_valid else None


def enclosing_in(context: Context) -> SessionSpan | None:
    """The span of the innermost block that has one."""
    found = context.get(_KEY)
    return found if isinstance(found, SessionSpan) else None


def outside_of_others(identity: Identity, context: Context) -> Context:
    """`context`, outside of a block's span that has ended or is of another session.

    Two sessions do not share a trace because one is used inside of the other's block.
    """
    enclosing = enclosing_in(context)
    if enclosing is None or enclosing.encloses(identity) or not enclosing.is_active(context):
        return context
    return enclosing.around(context)
