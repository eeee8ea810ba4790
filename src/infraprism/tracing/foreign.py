"""Spans of other instrumentations that speak of a call of ours, marked so that the call is counted once.

Theirs is not a call when it encloses one of ours (their wrapper outside of ours, or a framework's span), when
it is enclosed by one (their wrapper inside of ours), or when it is of the very response that one of ours was
answered with while it ran. Whether it speaks of a model call at all is known for sure only when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import format_span_id

from infraprism import guard, semconv
from infraprism.tracing.bag import read, write_late

_TURN: Final = "turn"
_NO_TURN: Final = "no turn"
_ANY: Final = "any"
#: How other instrumentations say that a span is a model call, and what its kind is. The first attribute
#: that a span has decides.
_KINDS: Final[tuple[tuple[str, Mapping[Any, str]], ...]] = (
    (
        semconv.OPERATION_NAME,
        {
            operation: _TURN if operation in semconv.TURN_OPERATIONS else _NO_TURN
            for operation in semconv.CALL_OPERATIONS
        },
    ),
    (semconv.OPENLLMETRY_REQUEST_TYPE, {"chat": _TURN, "completion": _TURN, "embedding": _NO_TURN}),
    (semconv.OPENINFERENCE_SPAN_KIND, {"LLM": _TURN, "EMBEDDING": _NO_TURN}),
)

#: Before SDK 1.40 what is told of at its end is a copy of the span, with the same bag of attributes.
_ENDS_AS_A_COPY: Final = not hasattr(SpanProcessor, "_on_ending")

#: Where a span, or its bag, keeps its place.
_PLACE: Final = "_infraprism_place"


class _Place:
    """Where a span that is not ours stands: the call of ours around it, those inside of it, the span outside.

    Holds no span, so that a chain of tasks that outlive each other's spans keeps none of them in memory.
    """

    __slots__ = ("around", "ended", "inside", "outer")

    def __init__(self) -> None:
        #: Span id of the call of ours that encloses the span.
        self.around: int | None = None
        #: Span id of the first call of ours, of each kind, that the span encloses; None where there is none.
        self.inside: dict[str, int] | None = None
        self.outer: _Place | None = None
        self.ended = False

    def counted_in(self, kind: str) -> int | None:
        """The call of ours that carries the money of a model call of this kind."""
        if self.around is not None or self.inside is None:
            return self.around
        # A reply for which a text was embedded first is a call of its own, and the other way around.
        return next(iter(self.inside.values())) if kind is _ANY else self.inside.get(kind)


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
            _around[span.get_span_context().span_id] = place.around
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


@guard.guarded("telemetry_error")
def own_started(span: Span, parent_context: Context | None) -> None:
    """Take note of a call of ours, and tell the spans around it that they enclose it."""
    span_id = span.get_span_context().span_id
    _around[span_id] = span_id
    if span.parent is None:
        return
    outer = place_of(trace.get_current_span(parent_context))
    if outer is None:
        return
    kind = _kind(read(span)) or _NO_TURN
    while outer is not None:
        if outer.inside is None:
            outer.inside = {kind: span_id}
        else:
            outer.inside.setdefault(kind, span_id)
        outer = outer.outer


@guard.guarded("telemetry_error")
def own_ending(span: ReadableSpan) -> None:
    """Remember for a while which response a call of ours was answered with."""
    response_id, context = read(span).get(semconv.RESPONSE_ID), span.context
    if response_id is not None and context is not None:
        _answered[response_id] = context.span_id, span.end_time or 0


@guard.guarded("telemetry_error")
def ending(span: ReadableSpan) -> bool:
    """Mark a span that is not ours where it speaks of a call of ours; gives whether it does.

    For a processor's `_on_ending`: later, exporters would not see the mark.
    """
    place = place_of(span)
    if place is None:
        return False
    place.ended = True
    known = read(span)
    kind = _kind(known)
    if kind is None:
        return False
    call = place.counted_in(kind)
    if call is None:
        answered = _answered.get(known.get(semconv.RESPONSE_ID))
        # Some servers count their responses from 1 again: one that had ended by then is another call.
        if answered is None or answered[1] < (span.start_time or 0):
            return False
        call = answered[0]
    write_late(span, {semconv.COST_COUNTED_IN: format_span_id(call)})
    return True


def is_own(span: Any) -> bool:
    """Whether a span is of a call of ours."""
    scope = getattr(span, "instrumentation_scope", None)
    return scope is not None and scope.name == semconv.SCOPE


def _kind(attributes: Mapping[str, Any]) -> str | None:
    """Which kind of model call these attributes tell of; None where it is no model call."""
    for name, kinds in _KINDS:
        said = attributes.get(name)
        if said is not None:
            kind = kinds.get(said) if isinstance(said, str) else None
            break
    else:
        kind = None
    # Somebody priced it: the collector takes it for a call, whatever it does.
    return _ANY if kind is None and semconv.COST_STATUS in attributes else kind


class _Recent:
    """What was noted last, `size` items at least.

    Two halves, of which the older is dropped whole: what many threads do at once needs no lock.
    """

    def __init__(self, size: int = 2048) -> None:
        self._size = size
        self._newer: dict[Any, Any] = {}
        self._older: dict[Any, Any] = {}

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self._newer) >= self._size:
            self._newer, self._older = {}, self._newer
        self._newer[key] = value

    def get(self, key: Any) -> Any:
        """What was noted under `key`, or None."""
        return self._newer.get(key) or self._older.get(key)


#: The call of ours that a span is, or is in, by the span's id: all that some spans know of their parent.
_around = _Recent()
#: Span id and end of the call of ours that was answered with a response, by the response's id.
_answered = _Recent()
