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
    inputs, outputs = usage.input_tokens, usage.output_tokens
    known = _Known(listed, inputs or 0)
    if inputs is not None:
        if usage.cache_read_tokens and "cache_read_mtok" in listed:
            inputs -= known.part("cache_read", "cache_read_mtok", usage.cache_read_tokens)
        if usage.cache_write_tokens and "cache_write_mtok" in listed:
            inputs -= known.part("cache_write", "cache_write_mtok", usage.cache_write_tokens)
        if usage.input_audio_tokens:
            inputs -= known.part("input_audio", "input_audio_mtok", usage.input_audio_tokens)
        known.part("input", "input_mtok", inputs)
    elif "input_mtok" in listed:
        known.gap = True
    if outputs is not None:
        if usage.reasoning_tokens and "output_reasoning_mtok" in listed:
            outputs -= known.part("reasoning", "output_reasoning_mtok", usage.reasoning_tokens)
        if usage.output_audio_tokens:
            outputs -= known.part("output_audio", "output_audio_mtok", usage.output_audio_tokens)
        known.part("output", "output_mtok", outputs)
    elif "output_mtok" in listed and listed["output_mtok"].base:
        known.gap = True
    if "requests_kcount" in listed:
        known.part("requests", "requests_kcount", 1)
    if not known.parts:
        return UNPRICED
    if known.gap or usage.unpriced:
        status = Status.PARTIAL
    elif usage.invalid:
        status = Status.ESTIMATED
    else:
        status = Status.PRICED if known.charged else Status.FREE
    return Cost(status, known.amount, tuple(known.parts), CURRENCY, "local", price_version)


class _Known:
    """The parts of a cost as they are found."""

    __slots__ = ("_context", "_listed", "amount", "charged", "gap", "parts")

    def __init__(self, listed: rates.Rates, context: int) -> None:
        self._listed = listed
        self._context = context
        self.parts: list[Part] = []
        self.amount = money.ZERO
        #: Something used has no rate.
        self.gap = False
        #: Something has a rate above zero.
        self.charged = False

    def part(self, name: str, key: str, quantity: int) -> int:
        """Charge `quantity` at the rate `key`; gives the quantity."""
        rate = self._listed.get(key)
        if rate is None:
            if quantity:
                self.gap = True
        else:
            each = rate.at(self._context) if rate.tiers else rate.base
            amount = money.EXACT.multiply(each, quantity)
            self.amount = money.EXACT.add(self.amount, amount)
            self.parts.append(Part(name, quantity, each, amount))
            if each:
                self.charged = True
        return quantity
