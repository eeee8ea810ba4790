"""An identity in OpenTelemetry's baggage, which goes from service to service: only the keys that are allowed.

The keys are the names of the attributes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from opentelemetry.context import Context

from infraprism import guard, semconv
from infraprism.sessions.attributes import attributes
from infraprism.sessions.identity import NOBODY, Identity, identify

_ARGUMENTS = {
    semconv.SESSION_ID: "session_id",
    semconv.ENTITY_TYPE: "entity_type",
    semconv.ENTITY_ID: "entity_id",
}


@guard.guarded("telemetry_error")
def read(keys: Iterable[str], context: Context) -> Identity | None:
    """The identity that the baggage of `context` gives under `keys`.

    A value that cannot be used is left out and counted, once for all spans that see it.
    """
    from opentelemetry.baggage import get_all

    known = get_all(context)
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
    from opentelemetry.baggage import set_baggage

    known = attributes(identity)
    for key in keys:
        if key in known:
            context = set_baggage(key, known[key], context)
    return context
