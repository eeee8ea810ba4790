"""What of a session is in OpenTelemetry's baggage stays here: it is taken out while a request is sent.

An HTTP instrumentation puts the baggage of the context that it runs in on every request. That goes for all
requests of the client, and not only for those that are calls; and for those that open its websockets.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry import context as otel_context

from infraprism import guard
from infraprism.openai.inside import Inside, current
from infraprism.openai.shells import Shell
from infraprism.sessions import without_baggage


@guard.guarded("telemetry_error")
def _outside() -> Inside | None:
    context = otel_context.get_current()
    cleared = without_baggage(context)
    return None if cleared is context else Inside(cleared, current.get())


def request(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The shell of a method that sends a request, or opens a websocket."""
    outside = _outside()
    if outside is None:
        return wrapped(*args, **kwargs)
    try:
        return wrapped(*args, **kwargs)
    finally:
        outside.leave()


async def async_request(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The shell of an async one."""
    outside = _outside()
    if outside is None:
        return await wrapped(*args, **kwargs)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        outside.leave()


MODULE: Final = "openai._base_client"
#: The methods through which all requests go, and what is around them.
SHELLS: Final[dict[str, Shell]] = {
    "SyncAPIClient.request": request,
    "AsyncAPIClient.request": async_request,
}
