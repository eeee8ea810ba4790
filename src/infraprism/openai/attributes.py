"""What a call's span says at its end: the reply, the usage and the cost as attributes. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from infraprism import semconv
from infraprism.openai.response import Reply
from infraprism.pricing import Cost, Usage, money
from infraprism.pricing.usage import FURTHER, NOTHING

if TYPE_CHECKING:
    from infraprism.tracing import AttributeValue

_INPUT_AUDIO = semconv.USAGE_PREFIX + "input_audio_tokens"
_OUTPUT_AUDIO = semconv.USAGE_PREFIX + "output_audio_tokens"
#: Of the fields that a plain chat completion leaves alone; a cost that was reported is the amount itself.
_FURTHER = [
    (semconv.USAGE_PREFIX + field, field) for field in Usage._fields[FURTHER:] if field != "reported_cost"
]


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
        if usage.input_audio_tokens is not None:
            found[_INPUT_AUDIO] = usage.input_audio_tokens
        if usage.output_audio_tokens is not None:
            found[_OUTPUT_AUDIO] = usage.output_audio_tokens
        if usage.invalid:
            found[semconv.USAGE_INVALID] = usage.invalid
        if usage.unpriced or usage[FURTHER:] != NOTHING:
            found.update(further(usage))
    if cost is not None:
        found[semconv.COST_STATUS] = str.__str__(cost.status)  # plain text, not the member
        if cost.amount is not None:
            found[semconv.COST_AMOUNT] = money.text(cost.amount)
            found[semconv.USAGE_COST] = float(cost.amount)
            found[semconv.COST_CURRENCY] = cost.currency
            found[semconv.COST_SOURCE] = cost.source
            if cost.price_version is not None:
                found[semconv.COST_PRICE_VERSION] = cost.price_version
            if cost.effective_from is not None:
                found[semconv.COST_EFFECTIVE_FROM] = _rfc3339(cost.effective_from)
            if cost.adjustment is not None:
                found[semconv.COST_ADJUSTMENT_PERCENT] = money.text(cost.adjustment)
            quantities = ""
            for name, quantity, _, amount in cost.parts:
                found[semconv.COST_PREFIX + name] = money.text(amount)
                written = quantity if isinstance(quantity, int) else money.text(quantity)
                quantities = f"{quantities} {name}={written}"
            if quantities:
                found[semconv.COST_QUANTITIES] = quantities[1:]
    return found


def further(usage: Usage) -> dict[str, AttributeValue]:
    """What of `usage` is rarely there: quantities beside text, and names of what has no price."""
    found: dict[str, AttributeValue] = {}
    for name, field in _FURTHER:
        quantity: Decimal | int | None = getattr(usage, field)
        if quantity is not None:
            whole = int(quantity)
            found[name] = whole if whole == quantity else money.text(Decimal(quantity))
    if usage.unpriced:
        found[semconv.USAGE_UNPRICED] = usage.unpriced
    return found


@lru_cache(maxsize=256)
def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
