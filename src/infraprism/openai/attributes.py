"""What a call's span says at its end: the reply, the usage and the cost as attributes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infraprism import semconv
from infraprism.openai.response import Reply
from infraprism.pricing import Cost, Usage, money

if TYPE_CHECKING:
    from infraprism.tracing import AttributeValue


def read(reply: Reply, usage: Usage | None, cost: Cost | None) -> dict[str, AttributeValue]:
    """The attributes of a finished call; what is not known is left out. `usage` is the reported one.

    One function, because it runs in every call: each function more is a microsecond of the host's.
    """
    found: dict[str, AttributeValue] = {}
    if reply.id is not None:
        found[semconv.RESPONSE_ID] = reply.id
    if reply.model is not None:
        found[semconv.RESPONSE_MODEL] = reply.model
    if reply.service_tier is not None:
        found[semconv.OPENAI_RESPONSE_SERVICE_TIER] = reply.service_tier
    if reply.system_fingerprint is not None:
        found[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = reply.system_fingerprint
    if (reasons := reply.finish_reasons) is not None:
        found[semconv.RESPONSE_FINISH_REASONS] = tuple(map(reasons.__getitem__, sorted(reasons)))
    if usage is not None:
        if usage.input_tokens is not None:
            found[semconv.USAGE_INPUT_TOKENS] = usage.input_tokens
        if usage.output_tokens is not None:
            found[semconv.USAGE_OUTPUT_TOKENS] = usage.output_tokens
        if usage.cache_read_tokens is not None:
            found[semconv.USAGE_CACHE_READ_INPUT_TOKENS] = usage.cache_read_tokens
        if usage.cache_write_tokens is not None:
            found[semconv.USAGE_CACHE_CREATION_INPUT_TOKENS] = usage.cache_write_tokens
        if usage.reasoning_tokens is not None:
            found[semconv.USAGE_REASONING_OUTPUT_TOKENS] = usage.reasoning_tokens
    if cost is not None:
        found[semconv.COST_STATUS] = str.__str__(cost.status)  # plain text, not the member
        if cost.amount is not None:
            found[semconv.COST_AMOUNT] = money.text(cost.amount)
            found[semconv.USAGE_COST] = float(cost.amount)
            found[semconv.COST_CURRENCY] = cost.currency
            found[semconv.COST_SOURCE] = cost.source
            if cost.price_version is not None:
                found[semconv.COST_PRICE_VERSION] = cost.price_version
            for name, _, _, amount in cost.parts:
                found[semconv.COST_PREFIX + name] = money.text(amount)
    return found
