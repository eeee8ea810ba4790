"""A call that arrived without a cost: what its instrumentation says of it, priced. Pure.

By the names in `dialects`, and with the statuses and sources that the plugin gives to spans of other
instrumentations.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from infraprism.collector import times
from infraprism.collector.ingest import quantities
from infraprism.collector.ingest.calls import Call
from infraprism.dialects import Facts
from infraprism.pricing import CURRENCY, Cost, Part, Status, Usage, money, price
from infraprism.pricing.stored import FURTHER_FIELDS, is_possible, with_further

#: Source of a cost that only the instrumentation knows.
_INSTRUMENTATION: Final = "instrumentation"


def priced(call: Call, facts: Facts, own_cost: Decimal | None) -> Call:
    """`call` with what it used and what that costs by the prices in force.

    Args:
        own_cost: what its instrumentation reckons, which counts where we have no price, as an estimate.
    """
    usage = facts.usage
    if call.usage or call.usage_unpriced:  # said by our names
        usage = with_further(usage or Usage(), call.usage)
        usage = usage._replace(unpriced=tuple(dict.fromkeys([*usage.unpriced, *call.usage_unpriced])))
        facts = facts._replace(usage=usage)
    call = call._replace(provider=facts.provider or call.provider, is_priced_here=True)
    if usage is not None:
        call = call._replace(**_columns(call, usage))
    cost = _price(call, facts, own_cost)
    if cost is None or (cost.amount is None and call.cost_status is None):
        return call
    fields: dict[str, Any] = {"cost_status": cost.status.value}
    if cost.amount is not None:
        since = cost.effective_from
        fields |= {
            "amount": quantities.money(money.text(cost.amount)),
            "currency": cost.currency,
            "cost_source": cost.source,
            "price_version": cost.price_version,
            "cost_parts": {part.name: part.amount for part in cost.parts},
            "cost_quantities": {part.name: Decimal(part.quantity) for part in cost.parts},
            "effective_from": None if since is None else times.of(since),
            "adjustment_percent": cost.adjustment,
        }
    return call._replace(**fields)


def _columns(call: Call, usage: Usage) -> dict[str, Any]:
    tokens = {
        name: getattr(usage, name)
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
        )
        if getattr(call, name) is None
    }
    further = {
        name: Decimal(quantity)
        for name in FURTHER_FIELDS
        if (quantity := getattr(usage, name)) is not None and name not in call.usage
    }
    return {
        **tokens,
        "usage": {**call.usage, **further},
        "usage_unpriced": [
            *call.usage_unpriced,
            *(n for n in usage.unpriced if n not in call.usage_unpriced),
        ],
    }


def _price(call: Call, facts: Facts, own_cost: Decimal | None) -> Cost | None:
    """The cost; None where it is no amount that can be stored."""
    cost = Cost(Status.UNPRICED)
    try:
        if facts.usage is not None and is_possible(facts.usage):
            cost = price(
                facts.usage,
                provider=facts.provider,
                model=facts.model,
                service_tier=facts.service_tier,
                at=times.moment(call.started_at),
                batch=call.is_batch,
                entity=(call.entity_type, call.entity_id),
            )
        if cost.amount is None and own_cost is not None:
            parts = (Part("reported", 1, own_cost, own_cost),)
            cost = Cost(Status.ESTIMATED, own_cost, parts, CURRENCY, _INSTRUMENTATION)
        if cost.amount is not None and not quantities.are_storable(cost):
            return None
    except ArithmeticError:
        return None
    return cost
