"""Where the span of a call starts: inside of what is active, else where its session's mode says."""

from __future__ import annotations

from typing import NamedTuple, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span

from infraprism import settings
from infraprism.sessions import nesting, trace_ids, turns
from infraprism.sessions.identity import Identity
from infraprism.settings import SessionMode

_KEY = otel_context.create_key("infraprism.session_mode")


def mode_in(context: Context) -> SessionMode:
    """How sessions map to traces in `context`: as the block around says, else the setting."""
    return cast("SessionMode | None", context.get(_KEY)) or settings.current().session_mode


def with_mode(mode: SessionMode, context: Context) -> Context:
    """A copy of `context` in which sessions map to traces in this way."""
    return otel_context.set_value(_KEY, mode, context)


class Placement(NamedTuple):
    """Where a span is to start.

    Attributes:
        trace_id: of a root span; None for a random one, and for a span inside of another.
        links: what the span is linked to; None where no later span is to be linked to it.
    """

    context: Context
    trace_id: int | None = None
    links: list[Link] | None = None


def place(identity: Identity, context: Context, start_time: int | None = None) -> Placement:
    """Where a call of this session, made in `context`, starts. `start_time`: Unix nanoseconds, or now."""
    linked = mode_in(context) == "link"
    if context:
        context = nesting.outside_of_others(identity, context)
        if trace.get_current_span(context).get_span_context().is_valid:
            enclosing = nesting.enclosing_in(context)
            if enclosing is not None and enclosing.is_active(context):
                trace_ids.count(identity)
            return Placement(context, links=[] if linked else None)
    if linked:
        return Placement(context, links=turns.before(identity))
    return Placement(context, trace_ids.next_trace_id(identity, start_time))


def started(identity: Identity, where: Placement, span: Span) -> None:
    """The span of a turn has started there: the next one may be linked to it."""
    if where.links is not None:
        turns.note(identity, span)
