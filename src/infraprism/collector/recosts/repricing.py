"""One stored call priced again from its stored usage, or the reason why it is left as it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import msgspec

from infraprism import semconv
from infraprism.collector import times
from infraprism.collector.ingest import quantities
from infraprism.pricing import Cost, Status, Usage, price
from infraprism.pricing.stored import is_possible, with_further

#: Why a call is not priced again; `docs/api.md` says what each means.
Reason = Literal[
    "amount_out_of_range",
    "free_surface",
    "model_missing",
    "no_cost_status",
    "provider_cost",
    "usage_impossible",
    "usage_missing",
    "usage_not_kept",
]

#: Who charges nothing for moderations.
_MODERATION_FREE_AT: Final = ("openai", "azure.ai.openai")
#: The price list has the decisions of OpenAI apart.
_DECISIONS: Final = "openai-decisions"


class Stored(NamedTuple):
    """What is read of a stored call to price it again; the fields are those of the query, in their order."""

    row_id: int
    started_at: int
    entity_type: str | None
    entity_id: str | None
    operation: str | None
    provider: str | None
    model: str | None
    service_tier: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    amount: Decimal | None
    cost_status: str | None
    cost_source: str | None
    is_batch: bool
    #: None where there is none.
    usage: dict[str, Decimal] | None
    usage_unpriced: list[str] | None
    #: JSON text, where it may say of the usage that it was estimated or contradicted itself; else None.
    attributes: str | None
    #: Whether only its tokens are known: it was stored, or sent, by an older version.
    tokens_only: bool
    #: Whether it has parts that are not made of tokens alone.
    has_other_parts: bool


def reprice(call: Stored) -> Cost | Reason:
    """The cost of `call` by the prices in force now, or why it is left as it is."""
    if call.cost_status is None:
        return "no_cost_status"
    if call.cost_source == "provider":
        return "provider_cost"
    if call.operation == semconv.OPERATION_MODERATION and call.provider in _MODERATION_FREE_AT:
        return "free_surface"
    if not call.provider or not call.model:
        return "model_missing"
    if call.tokens_only and call.has_other_parts:
        return "usage_not_kept"
    usage, is_estimated = usage_of(call)
    if usage is None:
        return "usage_missing"
    if not is_possible(usage):
        return "usage_impossible"
    decisions = call.operation == semconv.OPERATION_DECISION and call.provider == "openai"
    try:
        cost = price(
            usage,
            provider=_DECISIONS if decisions else call.provider,
            model=call.model,
            service_tier=_asked_tier(call) if is_estimated else call.service_tier,
            at=times.moment(call.started_at),
            batch=call.is_batch,
            entity=(call.entity_type, call.entity_id),
        )
        is_other = (cost.amount, str(cost.status)) != (call.amount, call.cost_status)
        if cost.amount is not None and is_other and not quantities.are_storable(cost):
            return "amount_out_of_range"
    except ArithmeticError:
        return "amount_out_of_range"
    return _no_more_certain(call, cost, is_estimated)


def _no_more_certain(call: Stored, cost: Cost, is_estimated: bool) -> Cost:
    """A cost is no more certain than what it is made of."""
    if cost.amount is None:
        return cost
    if call.tokens_only and call.cost_status in ("partial", "unpriced"):
        return cost._replace(status=Status.PARTIAL)
    if (is_estimated or call.cost_status == "estimated") and cost.status is Status.PRICED:
        return cost._replace(status=Status.ESTIMATED)
    return cost


def usage_of(call: Stored) -> tuple[Usage | None, bool]:
    """The usage that is stored of `call`, None where there is none, and whether it was estimated."""
    unpriced = tuple(call.usage_unpriced or ())
    values = {} if call.attributes is None else msgspec.json.decode(call.attributes)
    if call.input_tokens is None and call.output_tokens is None:
        estimated = estimated_usage(values)
        if estimated is not None:
            return estimated._replace(unpriced=unpriced), True
    usage = Usage(
        call.input_tokens,
        call.output_tokens,
        call.cache_read_tokens,
        call.cache_write_tokens,
        reasoning_tokens=call.reasoning_tokens,
        unpriced=unpriced,
    )
    if call.usage:
        usage = with_further(usage, call.usage)
    if usage == Usage(unpriced=unpriced):
        return None, False
    return usage._replace(invalid=tuple(quantities.names(values.get(semconv.USAGE_INVALID)) or ())), False


def _asked_tier(call: Stored) -> str | None:
    """The served tier; of a stream that ended before it was named, the one that was asked for."""
    if call.attributes is None or call.service_tier not in (None, "auto"):
        return call.service_tier
    asked = msgspec.json.decode(call.attributes).get(semconv.OPENAI_REQUEST_SERVICE_TIER)
    return asked if isinstance(asked, str) else call.service_tier


def estimated_usage(values: Mapping[str, Any]) -> Usage | None:
    """The usage that was estimated for a stream, from its remaining attributes; None for none."""
    counts = [values.get(name) for name in (semconv.ESTIMATED_INPUT_TOKENS, semconv.ESTIMATED_OUTPUT_TOKENS)]
    inputs, outputs = (count if type(count) is int and count >= 0 else None for count in counts)
    return None if inputs is None and outputs is None else Usage(inputs, outputs)
