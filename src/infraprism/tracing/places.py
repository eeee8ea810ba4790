"""Where each span stands: whose it is, which call of ours is around it, which spans are outside of it.

A place is kept with its span's attributes, which all copies of a span share. Runs for each span of the
application.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span

from infraprism import semconv
from infraprism.sessions import NOBODY, Identity, identity_in
from infraprism.sessions.recent import Recent


class Place:
    """Where one span stands.

    Holds no span, so that a chain of tasks that outlive each other's spans keeps none of them in memory.
    """

    # Defaults of the class: nearly all spans set few.

    #: A call of ours.
    own: bool = False
    #: Whose the span is.
    identity: Identity = NOBODY
    #: Span id of the call of ours that encloses the span, or that it is.
    around: int | None = None
    #: Span id of the first call, of each kind, that the span encloses and that carries its own money.
    inside: dict[str, int] | None = None
    #: Kind and span id of the span itself, once it carries the money of a call of others.
    carries: tuple[str, int] | None = None
    #: Of the span outside of this one; None where that is a call of ours.
    outer: Place | None = None
    ended: bool = False

    def tell(self, kind: str, span_id: int) -> None:
        """Tell the spans from this one outwards that they enclose a call that carries its own money."""
        outer: Place | None = self
        while outer is not None:
            if outer.inside is None:
                outer.inside = {kind: span_id}
            else:
                outer.inside.setdefault(kind, span_id)
            outer = outer.outer


def begin(span: Span, context: Context) -> Place:
    """Give a span that starts in `context` its place.

    Its session is the context's; its parent's where the context has none: who carries a parent from one
    context to another, as Logfire does to tell of a stream, loses ours.
    """
    place = Place()
    bag: Any = span._attributes
    bag._infraprism_place = place
    scope = span.instrumentation_scope
    if scope is not None and scope.name == semconv.SCOPE:
        place.own, place.around = True, span.get_span_context().span_id
        _places.note(place.around, place)
        return place
    identity = identity_in(context)
    parent = span.parent
    if parent is not None:
        found = outside(context)
        if found is None:  # no span of the SDK's, or not to be seen here: it is known by its id
            found = _places.get(parent.span_id)
        elif not found.own:
            place.outer = outer = _running(found)
            if outer is not None and outer.outer is not None:
                outer.outer = _running(outer.outer)
        if found is not None:
            place.around = found.around
            if identity is NOBODY:
                identity = found.identity
    if identity is not NOBODY or place.around is not None:
        place.identity = identity
        _places.note(span.get_span_context().span_id, place)
    return place


def is_own(span: ReadableSpan) -> bool:
    """Whether a span is of a call of ours."""
    scope = span.instrumentation_scope
    return scope is not None and scope.name == semconv.SCOPE


def place_of(span: ReadableSpan) -> Place | None:
    """The place of a span that has one."""
    return getattr(getattr(span, "_attributes", None), "_infraprism_place", None)


def outside(context: Context) -> Place | None:
    """The place of the span that is active in `context`, where it has one."""
    return place_of(context.get(_ACTIVE))  # type: ignore[arg-type]  # whatever it is


def _running(place: Place | None) -> Place | None:
    """The next span outwards, from `place` on, that has not ended: nobody asks for the others any more."""
    while place is not None and place.ended:
        place = place.outer
    return place


#: Under which key a context has its active span.
_ACTIVE: Final = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
#: Places by the span's id, of calls of ours, what is in them, and what is in a session: at least so many.
_REMEMBERED: Final = 4096
_places: Recent[int, Place] = Recent(_REMEMBERED)
