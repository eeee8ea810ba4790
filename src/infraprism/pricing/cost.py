"""Usage and rates in, cost with its parts out: pure, exact, and honest about what has no price."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from infraprism.pricing import money, quotes, rates
from infraprism.pricing.billing import billed, hourly, unmeasured
from infraprism.pricing.book import Entity
from infraprism.pricing.usage import Usage

CURRENCY = "USD"


class Status(StrEnum):
    """How right an amount is."""

    PRICED = "priced"
    #: The reported usage contradicted itself, or said that no token was used; it is priced as far as it goes.
    ESTIMATED = "estimated"
    #: Something that is billed has no known price: the amount is a floor.
    PARTIAL = "partial"
    #: No amount at all; never 0.
    UNPRICED = "unpriced"
    #: The price list, or the provider, says that it costs nothing.
    FREE = "free"


class Part(NamedTuple):
    """One line of a cost: ``rate × quantity = amount``, the rate in USD per one of `quantity`.

    Of ``audio_seconds`` the rate is that of an hour, see `money.by_the_hour`.
    """

    name: str
    quantity: Decimal | int
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
    #: Since when the rates hold (aware), where the list or the user's own prices say so.
    effective_from: datetime | None = None
    #: By how many percent the entity pays more than the rates of the list, or less (below 0); in all parts.
    adjustment: Decimal | None = None


#: Adjusted rates are remembered for this many pairs.
_REMEMBERED = 2048

#: The cost of a call about which nothing is known.
UNPRICED = Cost(Status.UNPRICED)
#: The cost of what its provider says is free.
FREE = Cost(Status.FREE, money.ZERO)

# Every call is priced: a named tuple made by its own `__new__`, or a member looked up in its enumeration,
# takes a tenth of a microsecond more, and so do the methods of a context looked up for each part.
_new = tuple.__new__
_add, _multiply = money.EXACT.add, money.EXACT.multiply
_PRICED, _ESTIMATED, _PARTIAL, _FREE = Status.PRICED, Status.ESTIMATED, Status.PARTIAL, Status.FREE


def price(
    usage: Usage | None,
    *,
    provider: str,
    model: str | None,
    service_tier: str | None,
    at: datetime,
    batch: bool = False,
    entity: Entity | None = None,
) -> Cost:
    """Price one call: what the provider itself says that it costs, else by the user's own prices (`use`),
    else by the list.

    Args:
        usage: what the API reported; None gives an unpriced cost.
        provider: OpenTelemetry's provider name, or the host of an unknown one.
        model: the served model.
        service_tier: the served tier.
        at: when the request was made (aware); prices are dated.
        batch: whether the call was one of a batch.
        entity: type and id of who the cost belongs to; the user's own prices may have others for it.
    """
    if usage is None:
        return UNPRICED
    if usage.reported_cost is not None:
        return _reported(usage.reported_cost)
    if not model:
        return UNPRICED
    if quotes.book is not None:
        quote = quotes.find(provider, model, service_tier, at, batch=batch, entity=entity)
        return UNPRICED if quote is None else _quoted(usage, quote)
    found = rates.find_dated(provider, model, service_tier, at, batch=batch)
    if found is None:
        return UNPRICED
    return apply(usage, found.rates, rates.version(), found.effective_from)


def apply(
    usage: Usage, listed: rates.Rates, price_version: str, effective_from: datetime | None = None
) -> Cost:
    """Apply the rates `listed` to `usage`. Long-context tiers are chosen on the whole input.

    `price_version` and `effective_from` are where the rates are from and since when they hold.
    """
    if not listed:
        tools = usage.unpriced or usage.web_searches or usage.file_searches
        status = _PARTIAL if tools else _FREE
        return Cost(status, money.ZERO, price_version=price_version, effective_from=effective_from)
    items, gap = billed(usage, listed)
    context = usage.input_tokens or 0
    parts: list[Part] = []
    amount, charged = None, False
    for name, key, quantity in items:
        rate = listed.get(key)
        if rate is None:
            gap = gap or quantity > 0
            continue
        each = rate.at(context) if rate.tiers else rate.base
        if rate.known_to is not None:
            gap = gap or context > rate.known_to
        costs = _multiply(each, quantity)
        parts.append(_new(Part, (name, quantity, each, costs)))
        amount = costs if amount is None else _add(amount, costs)
        charged = charged or bool(each)
    if (seconds := usage.audio_seconds) is not None:
        if (rate := hourly(listed)) is not None:
            if 0 < seconds < rate.least_seconds:
                seconds = rate.least_seconds
            costs = money.by_the_hour(rate.base, seconds)
            parts.append(Part("audio_seconds", seconds, rate.base, costs))
            amount = costs if amount is None else _add(amount, costs)
            charged = charged or bool(rate.base)
        else:
            gap = gap or seconds > 0
    if amount is None:
        return UNPRICED
    if gap or usage.unpriced or (not charged and unmeasured(listed, items)):
        status = _PARTIAL
    elif usage.invalid or (charged and not amount and usage.audio_seconds is None):
        status = _ESTIMATED
    else:
        status = _PRICED if charged else _FREE
    return _new(Cost, (status, amount, tuple(parts), CURRENCY, "local", price_version, effective_from, None))


def _quoted(usage: Usage, quote: quotes.Quote) -> Cost:
    """Apply a quote. An adjustment scales every rate, so that each part still is its rate × its quantity."""
    percent = quote.percent
    listed = quote.rates if percent is None else _adjusted(quote.rates, percent)
    cost = apply(usage, listed, quote.version, quote.effective_from)
    if cost.amount is None or percent is None:
        return cost
    return _new(Cost, (*cost[:7], percent))


#: Rates and a percentage, by their identities → both, and the rates as they are adjusted.
_scaled: dict[tuple[int, int], tuple[rates.Rates, Decimal, rates.Rates]] = {}


def _adjusted(listed: rates.Rates, percent: Decimal) -> rates.Rates:
    """The rates `listed` with `percent` more, or less (below 0); remembered, as they are for each call."""
    key = id(listed), id(percent)
    found = _scaled.get(key)
    if found is not None and found[0] is listed and found[1] is percent:
        return found[2]
    factor = money.factor(percent)
    adjusted = {
        name: replace(
            rate,
            base=_multiply(rate.base, factor),
            tiers=tuple((start, _multiply(price, factor)) for start, price in rate.tiers),
        )
        for name, rate in listed.items()
    }
    if len(_scaled) >= _REMEMBERED:
        _scaled.clear()
    _scaled[key] = (listed, percent, adjusted)
    return adjusted


def _reported(amount: Decimal) -> Cost:
    status = _PRICED if amount else _FREE
    return Cost(status, amount, (Part("reported", 1, amount, amount),), CURRENCY, "provider")
