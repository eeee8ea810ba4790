"""Spans of other instrumentations that speak of a call which another span carries, marked so that the call is
counted once.

Theirs is not a call when it encloses one of ours (their wrapper outside of ours, or a framework's span), when
it is enclosed by one (their wrapper inside of ours), or when it is of the very response that one of ours was
answered with while it ran. Whether it speaks of a model call at all is known for sure only when it ends.

Among themselves it is the same, with the first to end that tells of a usage or a cost in the place of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import format_span_id

from infraprism import dialects, guard, semconv
from infraprism.sessions import NOBODY, Identity
from infraprism.sessions.recent import Recent
from infraprism.tracing.bag import read, write_late

_TURN: Final = "turn"
_NO_TURN: Final = "no turn"
_ANY: Final = "any"
#: Before SDK 1.40 what is told of at its end is a copy of the span, with the same bag of attributes.
_ENDS_AS_A_COPY: Final = not hasattr(SpanProcessor, "_on_ending")

#: Where a span, or its bag, keeps its place.
_PLACE: Final = "_infraprism_place"


class _Place:
    """Where a span that is not ours stands: the call of ours around it, those inside of it, the span outside.

    Holds no span, so that a chain of tasks that outlive each other's spans keeps none of them in memory.
    """

    __slots__ = ("around", "carries", "ended", "inside", "outer")

    def __init__(self) -> None:
        #: Span id of the call of ours that encloses the span.
        self.around: int | None = None
        #: Span id of the first call, of each kind, that the span encloses and that carries its own money.
        self.inside: dict[str, int] | None = None
        #: Kind and span id of the span itself, once it carries the money of a call.
        self.carries: tuple[str, int] | None = None
        self.outer: _Place | None = None
        self.ended = False

    def counted_in(self, kind: str) -> int | None:
        """The call that carries the money of a model call of this kind."""
        if self.around is not None:
            return self.around
        # A reply for which a text was embedded first is a call of its own, and the other way around.
        if self.inside is not None:
            call = next(iter(self.inside.values())) if kind is _ANY else self.inside.get(kind)
            if call is not None:
                return call
        outer = self.outer
        while outer is not None:
            if outer.carries is not None and outer.carries[0] == kind:
                return outer.carries[1]
            outer = outer.outer
        return None

    def tell(self, kind: str, span_id: int) -> None:
        """Tell the spans from this one outwards that they enclose a call that carries its own money."""
        outer: _Place | None = self
        while outer is not None:
            if outer.inside is None:
                outer.inside = {kind: span_id}
            else:
                outer.inside.setdefault(kind, span_id)
            outer = outer.outer


@guard.guarded("telemetry_error")
def started(span: Span, parent_context: Context | None) -> None:
    """Take note of where a span that is not ours begins."""
    place = _Place()
    if span.parent is not None:
        parent = trace.get_current_span(parent_context)
        outer = place_of(parent)
        if outer is not None:
            place.around = outer.around
            place.outer = outer = _running(outer)
            if outer is not None:
                outer.outer = _running(outer.outer)
        elif is_own(parent):
            place.around = span.parent.span_id
        else:
            place.around = _around.get(span.parent.span_id)
        if place.around is not None:
            _around.note(span.get_span_context().span_id, place.around)
    setattr(_holder(span), _PLACE, place)


def _holder(span: Any) -> Any:
    return getattr(span, "_attributes", None) if _ENDS_AS_A_COPY else span


def place_of(span: Any) -> _Place | None:
    """The place of a span that has one."""
    place = getattr(_holder(span), _PLACE, None)
    return place if isinstance(place, _Place) else None


def _running(place: _Place | None) -> _Place | None:
    """The next span outwards, from `place` on, that has not ended: nobody asks for the others any more."""
    while place is not None and place.ended:
        place = place.outer
    return place


def whose(span: Span, identity: Identity) -> Identity:
    """The identity of a span started where the context has `identity`; its parent's where it has none.

    Who carries a parent from one context to another, as Logfire does to tell of a stream, loses ours.
    """
    if identity is NOBODY and span.parent is not None:
        identity = _whose.get(span.parent.span_id) or NOBODY
    if identity is not NOBODY:
        _whose.note(span.get_span_context().span_id, identity)
    return identity


@guard.guarded("telemetry_error")
def own_started(span: Span, parent_context: Context | None) -> None:
    """Take note of a call of ours, and tell the spans around it that they enclose it."""
    span_id = span.get_span_context().span_id
    _around.note(span_id, span_id)
    if span.parent is None:
        return
    outer = place_of(trace.get_current_span(parent_context))
    if outer is not None:
        outer.tell(_kind(read(span)) or _NO_TURN, span_id)


@guard.guarded("telemetry_error")
def answered(span: ReadableSpan) -> None:
    """Remember for a while which response a call was answered with."""
    response_id, context = read(span).get(semconv.RESPONSE_ID), span.context
    if response_id is not None and context is not None:
        _answered.note(response_id, (context.span_id, span.end_time or 0))


@guard.guarded("telemetry_error")
def ending(span: ReadableSpan) -> bool:
    """Whether a span that is not ours is a model call to account; marked where it is counted elsewhere.

    For a processor's `_on_ending`: later, exporters would not see the mark.
    """
    known = read(span)
    kind = _kind(known)
    place = place_of(span)
    if place is None:  # it began before there was a processor
        return kind is not None
    if place.ended:  # another processor of ours was here
        return False
    place.ended = True
    if kind is None or semconv.COST_COUNTED_IN in known:
        return False
    call = place.counted_in(kind)
    if call is None:
        known_answer = _answered.get(known.get(semconv.RESPONSE_ID))
        # Some servers count their responses from 1 again: one that had ended by then is another call.
        if known_answer is None or known_answer[1] < (span.start_time or 0):
            return True
        call = known_answer[0]
    write_late(span, {semconv.COST_COUNTED_IN: format_span_id(call)})
    return False


@guard.guarded("telemetry_error")
def carries(span: ReadableSpan) -> None:
    """Take note that a span that is not ours carries the money of a call: no other that speaks of it does."""
    context, place, known = span.context, place_of(span), read(span)
    if context is None:
        return
    if place is not None:
        kind = _kind(known) or _ANY
        place.carries = kind, context.span_id
        if place.outer is not None:
            place.outer.tell(kind, context.span_id)
    answered(span)


def is_own(span: Any) -> bool:
    """Whether a span is of a call of ours."""
    scope = getattr(span, "instrumentation_scope", None)
    return scope is not None and scope.name == semconv.SCOPE


def _kind(attributes: Mapping[str, Any]) -> str | None:
    """Which kind of model call these attributes tell of; None where it is no model call."""
    operation = dialects.operation_of(attributes)
    if operation is not None:
        return _TURN if operation in semconv.TURN_OPERATIONS else _NO_TURN
    # Somebody priced it: the collector takes it for a call, whatever it does.
    return _ANY if semconv.COST_STATUS in attributes else None


#: Spans and responses that are remembered, of each kind, at least.
_REMEMBERED: Final = 2048
#: The call of ours that a span is, or is in, by the span's id: all that some spans know of their parent.
_around: Recent[int, int] = Recent(_REMEMBERED)
#: Whose a span is, by its id.
_whose: Recent[int, Identity] = Recent(_REMEMBERED)
#: Span id and end of the call that was answered with a response, by the response's id.
_answered: Recent[Any, tuple[int, int]] = Recent(_REMEMBERED)
