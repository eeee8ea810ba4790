"""Calls that two instrumentations recorded with nothing in common but what they cost.

OpenInference's spans of LangChain are neither around the client's, nor do they name the response. A call of
another instrumentation that ran meanwhile, with the same model and the same tokens, is taken for the same;
each for one span of each instrumentation, so that as many calls are counted as were made.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from infraprism.sessions.recent import Recent

#: Model, input tokens, output tokens.
Key = tuple[Any, Any, Any]


class _Call(NamedTuple):
    span_id: int
    began: int
    ended: int
    #: The instrumentations that have told of it.
    known_to: set[str]


_calls: Recent[Key, tuple[_Call, ...]] = Recent(1024)
#: Who has told of a call so far: where it is one instrumentation, nothing has a twin.
_scopes: set[str] = set()


def note(span: ReadableSpan, key: Key) -> None:
    """Take note of a call that ends and carries its money."""
    if span.context is not None:
        remember(key, _scope(span), span.context.span_id, span.start_time or 0, span.end_time or 0)


def remember(key: Key, scope: str, span_id: int, began: int, ended: int) -> None:
    """As `note`, of a span that is not at hand any more."""
    if key[1] is None is key[2]:
        return
    _scopes.add(scope)
    call = _Call(span_id, began, ended, {scope})
    # Replaced, never changed: another thread may go through the old ones.
    _calls.note(key, (*(_calls.get(key) or ())[-63:], call))


def find(span: ReadableSpan, key: Key) -> int | None:
    """The span id of the call that `span` tells of, too; None where there is none."""
    scope, began, ended = _scope(span), span.start_time or 0, span.end_time or 0
    if not _scopes.difference((scope,)):
        return None
    for call in reversed(_calls.get(key) or ()):
        if call.ended < began:
            break  # and so have those before it
        if began <= call.began and call.ended <= ended and scope not in call.known_to:
            call.known_to.add(scope)
            return int(call.span_id)
    return None


def _scope(span: ReadableSpan) -> str:
    scope = span.instrumentation_scope
    return "" if scope is None else scope.name
