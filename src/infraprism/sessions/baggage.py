"""What of a session is in OpenTelemetry's baggage, and where it must not go.

Baggage is sent with every request that an HTTP instrumentation sees, whoever it is for. An application's own
services may be told of a session by it; a model provider never is.
"""

from __future__ import annotations

from opentelemetry import baggage
from opentelemetry.context import Context

from infraprism import semconv


def without_baggage(context: Context) -> Context:
    """`context` without what of ours is in its baggage; the application's own stays."""
    for key in baggage.get_all(context) if context else ():
        if str(key).startswith(semconv.BAGGAGE_PREFIX):
            context = baggage.remove_baggage(key, context)
    return context
