"""The price list: which rates apply to a model of a provider, at a service tier, at a time.

genai-prices is the list. It is imported at the first price (it is large), each match is remembered, and what
it cannot say is said: a tier that the list has no rates for gives no rates, never the standard ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from infraprism.pricing import money

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

#: Our provider names (OpenTelemetry's) where the list has another word.
_LIST_PROVIDERS = {
    "azure.ai.openai": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
}
#: Tiers that are billed at the standard rates.
_STANDARD_TIERS = frozenset({"", "auto", "default", "standard", "on_demand"})
#: Models matched and rates resolved are remembered for this many different keys; names come from outside.
_REMEMBERED = 2048


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per token (or other unit), with the higher rates of long prompts."""

    base: Decimal
    #: ``(input tokens above which it applies, rate for the whole call)``, ascending.
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """The rate for a call whose whole input, cached part included, is `input_tokens`."""
        rate = self.base
        for start, tier_rate in self.tiers:
            if input_tokens > start:
                rate = tier_rate
        return rate


#: Price key of genai-prices (``input_mtok`` …) → rate. Empty for a model that costs nothing.
Rates = Mapping[str, Rate]


@cache
def version() -> str:
    """Name and version of the price list: ``genai-prices 0.2.3``."""
    import genai_prices

    return f"genai-prices {genai_prices.__version__}"


def find(provider: str, model: str, service_tier: str | None, at: datetime) -> Rates | None:
    """The rates for a call, or None where the list does not know them.

    Args:
        provider: OpenTelemetry's provider name, or the host of an unknown one. Unknown hosts are taken for
            gateways in front of OpenAI: they have rates where the model is on OpenAI's list.
        model: the served model.
        service_tier: the served tier.
        at: when the request was made (aware).
    """
    moment = at if at.tzinfo is UTC else at.astimezone(UTC)
    # Prices change by date; a few also by time of day.
    minute = moment.hour * 60 + moment.minute if _match(provider, model).by_time_of_day else 0
    return _resolve(provider, model, service_tier, moment.toordinal(), minute)


@dataclass(frozen=True, slots=True)
class _Match:
    model: ModelInfo | None
    #: Tier rates belong to the provider that lists the model, not to one that resells it.
    own: bool = False
    by_time_of_day: bool = False


@lru_cache(maxsize=_REMEMBERED)
def _match(provider: str, model: str) -> _Match:
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    providers = get_snapshot().providers
    listed = find_provider_by_id(providers, _LIST_PROVIDERS.get(provider, provider))
    if listed is None:
        listed = find_provider_by_id(providers, "openai")
    found = None if listed is None else listed.find_model(model, all_providers=providers)
    if listed is None or found is None:
        return _Match(None)
    dated = [] if isinstance(found.prices, ModelPrice) else found.prices
    return _Match(
        model=found,
        own=any(found is candidate for candidate in listed.models),
        by_time_of_day=any(isinstance(price.constraint, TimeOfDateConstraint) for price in dated),
    )


@lru_cache(maxsize=_REMEMBERED)
def _resolve(provider: str, model: str, service_tier: str | None, day: int, minute: int) -> Rates | None:
    match = _match(provider, model)
    if match.model is None:
        return None
    moment = datetime.fromordinal(day).replace(hour=minute // 60, minute=minute % 60, tzinfo=UTC)
    if service_tier is None or service_tier in _STANDARD_TIERS:
        return _rates(match.model.get_prices(moment))
    context = {"service_tier": service_tier}
    offered = match.own and any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(moment))
        for variant in match.model.price_variants or ()
    )
    return _rates(match.model.get_prices(moment, context)) if offered else None


def _rates(prices: ModelPrice) -> Rates:
    from genai_prices.types import TieredPrices

    rates: dict[str, Rate] = {}
    for key, price in vars(prices).items():
        # The list's keys end in what the price is per: ``_mtok`` a million tokens, ``_kcount`` a thousand.
        # A price per something that is not counted here (hours of audio, pages) is a rate nobody asks for,
        # but it keeps the model from passing as one without prices.
        scale = 6 if key.endswith("_mtok") else 3 if key.endswith("_kcount") else 0
        if isinstance(price, TieredPrices):
            tiers = tuple((tier.start, _each(tier.price, scale)) for tier in price.tiers)
            rates[key] = Rate(_each(price.base, scale), tiers)
        elif isinstance(price, Decimal):
            rates[key] = Rate(_each(price, scale))
    return rates


def _each(price: Decimal, scale: int) -> Decimal:
    return price.scaleb(-scale, money.EXACT)
