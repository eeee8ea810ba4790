"""Usage and rates in, cost with its parts out: pure, exact, and honest about what has no price."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from infraprism.pricing import money, rates
from infraprism.pricing.usage import Usage

CURRENCY = "USD"


class Status(StrEnum):
    """How right an amount is."""

    PRICED = "priced"
    #: The reported usage contradicted itself; the amount is computed from what was left.
    ESTIMATED = "estimated"
    #: Something that is billed has no known price: the amount is a floor.
    PARTIAL = "partial"
    #: No amount at all; never 0.
    UNPRICED = "unpriced"
    #: The price list says that it costs nothing.
    FREE = "free"


class Part(NamedTuple):
    """One line of a cost: ``rate × quantity = amount``, the rate in USD per one of `quantity`."""

    name: str
    quantity: int
    rate: Decimal
    amount: Decimal


class Cost(NamedTuple):
    """What one call costs. `amount` is None exactly when the status is unpriced."""

    status: Status
    amount: Decimal | None = None
    #: They add up to `amount` exactly.
    parts: tuple[Part, ...] = ()
    currency: str = CURRENCY
    source: str = "local"
    price_version: str | None = None


#: The cost of a call about which nothing is known.
UNPRICED = Cost(Status.UNPRICED)
#: The cost of what its provider says is free.
FREE = Cost(Status.FREE, money.ZERO)


def price(
    usage: Usage | None, *, provider: str, model: str | None, service_tier: str | None, at: datetime
) -> Cost:
    """Price one call from the list that is in force.

    Args:
        usage: what the API reported; None gives an unpriced cost.
        provider: OpenTelemetry's provider name, or the host of an unknown one.
        model: the served model.
        service_tier: the served tier.
        at: when the request was made (aware); prices are dated.
    """
    if usage is None or not model:
        return UNPRICED
    found = rates.find(provider, model, service_tier, at)
    if found is None:
        return UNPRICED
    return apply(usage, found, rates.version())


def apply(usage: Usage, listed: rates.Rates, price_version: str) -> Cost:
    """Apply the rates `listed` to `usage`.

    Long-context tiers are chosen on the whole input. A cached or reasoning token of a model without a rate
    of its own for them costs what its kind costs.
    """
    if not listed:
        status = Status.PARTIAL if usage.unpriced else Status.FREE
        return Cost(status, money.ZERO, price_version=price_version)
    billed, gap = _billed(usage, listed)
    context = usage.input_tokens or 0
    parts: list[Part] = []
    amount, charged = money.ZERO, False
    for name, key, quantity in billed:
        rate = listed.get(key)
        if rate is None:
            gap = gap or quantity > 0
            continue
        each = rate.at(context) if rate.tiers else rate.base
        part = Part(name, quantity, each, money.EXACT.multiply(each, quantity))
        parts.append(part)
        amount = money.EXACT.add(amount, part.amount)
        charged = charged or bool(each)
    if not parts:
        return UNPRICED
    if gap or usage.unpriced:
        status = Status.PARTIAL
    elif usage.invalid:
        status = Status.ESTIMATED
    else:
        status = Status.PRICED if charged else Status.FREE
    return Cost(status, amount, tuple(parts), CURRENCY, "local", price_version)


def _billed(usage: Usage, listed: rates.Rates) -> tuple[list[tuple[str, str, int]], bool]:
    """What is billed of `usage` (name of the part, key of its rate, quantity), and whether something is
    missing.
    """
    billed: list[tuple[str, str, int]] = []
    gap = False
    inputs, outputs = usage.input_tokens, usage.output_tokens
    if inputs is not None:
        if (cached := usage.cache_read_tokens) and "cache_read_mtok" in listed:
            billed.append(("cache_read", "cache_read_mtok", cached))
            inputs -= cached
        if (written := usage.cache_write_tokens) and "cache_write_mtok" in listed:
            billed.append(("cache_write", "cache_write_mtok", written))
            inputs -= written
        if heard := usage.input_audio_tokens:
            billed.append(("input_audio", "input_audio_mtok", heard))
            inputs -= heard
        billed.append(("input", "input_mtok", inputs))
    elif "input_mtok" in listed:
        gap = True
    if outputs is not None:
        if (reasoned := usage.reasoning_tokens) and "output_reasoning_mtok" in listed:
            billed.append(("reasoning", "output_reasoning_mtok", reasoned))
            outputs -= reasoned
        if spoken := usage.output_audio_tokens:
            billed.append(("output_audio", "output_audio_mtok", spoken))
            outputs -= spoken
        billed.append(("output", "output_mtok", outputs))
    elif "output_mtok" in listed and listed["output_mtok"].base:
        gap = True
    if "requests_kcount" in listed:
        billed.append(("requests", "requests_kcount", 1))
    return billed, gap
