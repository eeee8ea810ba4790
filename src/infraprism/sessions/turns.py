"""The turn before, for calls that have traces of their own and are linked."""

from __future__ import annotations

from opentelemetry.trace import Link, Span, SpanContext

from infraprism.sessions.identity import Identity
from infraprism.sessions.recent import Recent

#: Sessions whose last turn is known; the next turn of one that is forgotten has no link.
_REMEMBERED = 16_384

_last: Recent[tuple[str | None, str | None, str | None], SpanContext] = Recent(_REMEMBERED)


def note(identity: Identity, span: Span) -> None:
    """Remember a turn of a session, where its span is sampled: a link to another leads nowhere."""
    context = span.get_span_context()
    if identity.session_id is not None and context.trace_flags.sampled:
        _last.note(identity.session, context)


def before(identity: Identity) -> list[Link]:
    """A link to the last turn of a session that this process knows; none where it knows none."""
    context = _last.get(identity.session)
    return [] if context is None else [Link(context)]
