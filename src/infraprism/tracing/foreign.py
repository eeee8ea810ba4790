"""Spans of other instrumentations that speak of a call which another span carries, marked so that the call is
counted once.

Theirs is not a call when it encloses one of ours (their wrapper outside of ours, or a framework's span), when
it is enclosed by one (their wrapper inside of ours), or when it is of the very response that one of ours was
answered with while it ran. Whether it speaks of a model call at all is known for sure only when it ends.

Among themselves it is the same, with the first to end that tells of a usage or a cost in the place of ours.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import format_span_id

from infraprism import dialects, guard, semconv
from infraprism.sessions.recent import Recent
from infraprism.tracing import places, twins
from infraprism.tracing.bag import read, write_late
from infraprism.tracing.places import Place

_TURN: Final = "turn"
_NO_TURN: Final = "no turn"
_ANY: Final = "any"


def own_started(span: Span, context: Context) -> None:
    """Tell the spans around a call of ours, which starts in `context`, that they enclose it."""
    outer = places.outside(context)
    if outer is not None and not outer.own:
        outer.tell(_kind(read(span)) or _NO_TURN, span.get_span_context().span_id)


def own_ended(span: ReadableSpan) -> None:
    """Take note of a call of ours that ends, for those of others that will turn out to speak of it."""
    get = read(span).get
    _ended.append(
        (
            span.context.span_id,
            span.start_time or 0,
            span.end_time or 0,
            get(semconv.RESPONSE_ID),
            (
                get(semconv.RESPONSE_MODEL),
                get(semconv.USAGE_INPUT_TOKENS),
                get(semconv.USAGE_OUTPUT_TOKENS),
            ),
        )
    )


def _remember_own() -> None:
    """Have the calls of ours that ended found: only now is there somebody who may speak of one."""
    with _remembering:  # whoever comes while another thread is at it waits: one of these may be theirs
        while _ended:
            span_id, began, ended, response_id, key = _ended.popleft()
            if response_id is not None:
                _answered.note(response_id, (span_id, ended))
            twins.remember(key, semconv.SCOPE, span_id, began, ended)


@guard.guarded("telemetry_error")
def ending(span: ReadableSpan, place: Place | None) -> bool:
    """Whether a span that is not ours is a model call to account; marked where it is counted elsewhere.

    For a processor's `_on_ending`: later, exporters would not see the mark.
    """
    known = read(span)
    kind = _kind(known)
    if place is None:  # it began before there was a processor
        _remember_own()
        return kind is not None
    if place.ended:  # another processor of ours was here
        return False
    place.ended = True
    if kind is None or semconv.COST_COUNTED_IN in known:
        return False
    _remember_own()
    call = _counted_in(place, kind)
    if call is None:
        known_answer = _answered.get(known.get(semconv.RESPONSE_ID))
        # Some servers count their responses from 1 again: one that had ended by then is another call.
        if known_answer is None or known_answer[1] < (span.start_time or 0):
            return True
        call = known_answer[0]
    write_late(span, {semconv.COST_COUNTED_IN: format_span_id(call)})
    return False


def _counted_in(place: Place, kind: str) -> int | None:
    """The call that carries the money of a model call of this kind, which stands there."""
    if place.around is not None:
        return place.around
    # A reply for which a text was embedded first is a call of its own, and the other way around.
    if place.inside is not None:
        call = next(iter(place.inside.values())) if kind is _ANY else place.inside.get(kind)
        if call is not None:
            return call
    outer = place.outer
    while outer is not None:
        if outer.carries is not None and outer.carries[0] == kind:
            return outer.carries[1]
        outer = outer.outer
    return None


@guard.guarded("telemetry_error")
def carries(span: ReadableSpan) -> None:
    """Take note that a span that is not ours carries the money of a call: no other that speaks of it does."""
    context, place, known = span.context, places.place_of(span), read(span)
    if context is None:
        return
    if place is not None:
        kind = _kind(known) or _ANY
        place.carries = kind, context.span_id
        if place.outer is not None:
            place.outer.tell(kind, context.span_id)
    if (response_id := known.get(semconv.RESPONSE_ID)) is not None:
        _answered.note(response_id, (context.span_id, span.end_time or 0))


def _kind(attributes: Mapping[str, Any]) -> str | None:
    """Which kind of model call these attributes tell of; None where it is no model call."""
    operation = dialects.operation_of(attributes)
    if operation is not None:
        return _TURN if operation in semconv.TURN_OPERATIONS else _NO_TURN
    # Somebody priced it: the collector takes it for a call, whatever it does.
    return _ANY if semconv.COST_STATUS in attributes else None


#: Calls of ours that ended and have not been asked for: span id, start, end, response, and what twins share.
_ended: deque[tuple[int, int, int, Any, twins.Key]] = deque(maxlen=2048)
#: Span id and end of the call that was answered with a response, by the response's id.
_answered: Recent[Any, tuple[int, int]] = Recent(2048)
# Re-entrant, because a signal handler of the host's may end a span at any instruction.
_remembering = threading.RLock()


def _after_fork() -> None:
    # Another thread of the parent may have held it.
    global _remembering
    _remembering = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
