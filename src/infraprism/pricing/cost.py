"""Usage and rates in, cost with its parts out: pure, exact, and honest about what has no price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a cost: ``rate × quantity ÷ 10^scale = amount``."""

    name: str
    quantity: int
    rate: Decimal
    scale: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs. `amount` is None exactly when the status is unpriced."""

    status: Status
    amount: Decimal | None = None
    #: They add up to `amount` exactly.
    parts: tuple[Part, ...] = ()
    currency: str = CURRENCY
    source: str = "local"
    price_version: str | None = None


_UNPRICED = Cost(Status.UNPRICED)
_TOKENS = 6  # rates are per 10^6 tokens
_REQUESTS = 3  # and per 10^3 requests


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
        return _UNPRICED
    found = rates.find(provider, model, service_tier, at)
    if found is None:
        return _UNPRICED
    return apply(usage, found, rates.version())


def apply(usage: Usage, listed: rates.Rates, price_version: str) -> Cost:
    """Apply the rates `listed` to `usage`. Long-context tiers are chosen on the whole input."""
    if not listed:
        return Cost(Status.FREE, money.ZERO, price_version=price_version)
    quantities, gaps = _split(usage, listed)
    context = usage.input_tokens or 0
    parts: list[Part] = []
    for name, key, quantity, scale in quantities:
        if key in listed:
            rate = listed[key].at(context)
            parts.append(Part(name, quantity, rate, scale, money.charge(rate, quantity, scale)))
        elif quantity:
            gaps = True
    if not parts:
        return _UNPRICED
    if gaps or usage.unpriced:
        status = Status.PARTIAL
    elif usage.invalid:
        status = Status.ESTIMATED
    elif all(part.rate == 0 for part in parts):
        status = Status.FREE
    else:
        status = Status.PRICED
    amount = money.total(part.amount for part in parts)
    return Cost(status, amount, tuple(parts), price_version=price_version)


def _split(usage: Usage, listed: rates.Rates) -> tuple[list[tuple[str, str, int, int]], bool]:
    """What is billed apart, as ``(part, price key, quantity, scale)``, and whether some of it is unknown.

    A cached or reasoning token of a model without its own rate for them costs what its kind costs.
    """
    quantities: list[tuple[str, str, int, int]] = []
    gaps = usage.input_tokens is None and "input_mtok" in listed
    if usage.input_tokens is not None:
        plain = usage.input_tokens - (usage.input_audio_tokens or 0)
        cached: list[tuple[str, str, int, int]] = []
        for name, quantity in (
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ):
            if quantity and f"{name}_mtok" in listed:
                plain -= quantity
                cached.append((name, f"{name}_mtok", quantity, _TOKENS))
        quantities.append(("input", "input_mtok", plain, _TOKENS))
        quantities += cached
        if usage.input_audio_tokens:
            quantities.append(("input_audio", "input_audio_mtok", usage.input_audio_tokens, _TOKENS))
    if usage.output_tokens is not None:
        plain = usage.output_tokens - (usage.output_audio_tokens or 0)
        reasoning = usage.reasoning_tokens or 0
        if reasoning and "output_reasoning_mtok" in listed:
            plain -= reasoning
            quantities.append(("reasoning", "output_reasoning_mtok", reasoning, _TOKENS))
        quantities.append(("output", "output_mtok", plain, _TOKENS))
        if usage.output_audio_tokens:
            quantities.append(("output_audio", "output_audio_mtok", usage.output_audio_tokens, _TOKENS))
    elif listed.get("output_mtok", rates.Rate(money.ZERO)).base:
        gaps = True
    if "requests_kcount" in listed:
        quantities.append(("requests", "requests_kcount", 1, _REQUESTS))
    return quantities, gaps
