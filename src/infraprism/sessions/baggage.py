"""What of a session is in OpenTelemetry's baggage: what is read and written, and where it must not go.

Baggage is sent with every request that an HTTP instrumentation sees, whoever it is for. An application's own
services may be told of a session by it, key by key as is allowed; a model provider never is. All keys of ours
begin alike, so that they can be told from the application's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from opentelemetry.context import Context

from infraprism import guard, semconv
from infraprism.sessions.attributes import attributes
from infraprism.sessions.identity import NOBODY, Identity, identify

_ARGUMENTS = {
    semconv.BAGGAGE_SESSION_ID: "session_id",
    semconv.ENTITY_TYPE: "entity_type",
    semconv.ENTITY_ID: "entity_id",
}


@guard.guarded("telemetry_error")
def read(keys: Iterable[str], context: Context) -> Identity | None:
    """The identity that the baggage of `context` gives under `keys`.

    A value that cannot be used is left out and counted, once for all spans that see it.
    """
    if (baggage := _module()) is None:
        return None
    known = baggage.get_all(context)
    return _identity(tuple((key, known[key]) for key in keys if key in known)) if known else None


@lru_cache(maxsize=1024)
def _identity(pairs: tuple[tuple[str, Any], ...]) -> Identity:
    result = NOBODY
    for key, value in pairs:
        argument = _ARGUMENTS.get(key, "tags")
        try:
            given = {key.removeprefix(semconv.TAG_PREFIX): value} if argument == "tags" else value
            result = identify(**{argument: given}).inside(result)
        except (TypeError, ValueError) as error:
            guard.drop("invalid_inbound", f"baggage {key}: {error}")
    return result


def write(keys: Iterable[str], identity: Identity, context: Context) -> Context:
    """A copy of `context` with those of `keys` in its baggage that `identity` has something for."""
    from opentelemetry import baggage

    known = {**attributes(identity)}
    if identity.session_id is not None:
        known[semconv.BAGGAGE_SESSION_ID] = identity.session_id
    for key in keys:
        if key in known:
            context = baggage.set_baggage(key, known[key], context)
    return context


def without_baggage(context: Context) -> Context:
    """`context` without what of ours is in its baggage; the application's own stays."""
    if context and (baggage := _module()) is not None:
        for key in baggage.get_all(context):
            if str(key).startswith(semconv.BAGGAGE_PREFIX):
                context = baggage.remove_baggage(key, context)
    return context


def _module() -> Any:
    """OpenTelemetry's baggage, which takes 8 ms to load; None where nobody has, so that there is none.

    As its package has it, which is once all of it is loaded: another thread may be at it.
    """
    return getattr(sys.modules["opentelemetry"], "baggage", None)
