"""What the HTTP exchange of a call said beside its body: how often it was sent, its id, what the limits left.

The client's own `_process_response` sees every response that is not an error together with the number of
retries; errors carry their response or their request.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from infraprism import semconv
from infraprism.openai.inside import current
from infraprism.openai.request import AttributeValue
from infraprism.pricing import money

#: The methods, of the sync and of the async client, that get each response.
MODULE: Final = "openai._base_client"
METHODS: Final = ("SyncAPIClient._process_response", "AsyncAPIClient._process_response")

_LITELLM_COST: Final = "x-litellm-response-cost"
#: No call costs more, in USD: beyond it, what was reported is not a cost.
_MOST_COST: Final = 10**12

_HEADERS: Final = {
    name.encode(): semconv.HTTP_RESPONSE_HEADER + name
    for name in ("x-request-id", "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens")
}


def shell(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let the call that is under way see a response."""
    call = current.get()
    if call is not None:
        call.received(kwargs.get("response"), kwargs.get("retries_taken"))
    return wrapped(*args, **kwargs)


def read(response: Any, resends: Any) -> dict[str, AttributeValue]:
    """The attributes of an HTTP response that was got after `resends` retries."""
    found: dict[str, AttributeValue] = {}
    for name, value in response.headers.raw:
        attribute = _HEADERS.get(name.lower())
        if attribute is not None:
            found[attribute] = (value.decode("latin-1"),)
    if type(resends) is int and resends > 0:
        found[semconv.HTTP_REQUEST_RESEND_COUNT] = resends
    return found


def reported_cost(response: Any) -> Decimal | None:
    """What a LiteLLM gateway says that the call cost, in USD; None where none does."""
    try:
        cost = float(response.headers.get(_LITELLM_COST, ""))
    except ValueError:
        return None
    return money.written(cost) if 0 < cost <= _MOST_COST else None


def read_error(error: BaseException) -> dict[str, AttributeValue]:
    """The attributes of the exchange that ended in `error`, where it had one."""
    response = getattr(error, "response", None)
    request = getattr(response if response is not None else error, "request", None)
    sent = getattr(request, "headers", {}).get("x-stainless-retry-count", "")
    resends = int(sent) if sent.isdecimal() else None
    if response is not None:
        return read(response, resends)
    return {semconv.HTTP_REQUEST_RESEND_COUNT: resends} if resends else {}
