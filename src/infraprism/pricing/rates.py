"""The price list: which rates apply to a model of a provider, at a service tier, at a time.

genai-prices is the list. It is imported at the first price (it is large), each match is remembered, and what
it cannot say is said: a tier or a batch that the list has no rates for gives no rates, never the standard
ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from infraprism.pricing import lists, money
from infraprism.pricing.lists import PriceList

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, PriceVariant

#: Our provider names (OpenTelemetry's) where the list has another word.
LIST_PROVIDERS = {
    "azure.ai.openai": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
}
#: Tiers that are billed at the standard rates.
STANDARD_TIERS = frozenset({None, "", "auto", "default", "standard", "on_demand"})
#: Provider and model of the list → seconds of audio that are billed at least: genai-prices has them in its
#: code, not in its list.
_LEAST_SECONDS = {("groq", "whisper-large-v3"): 10, ("groq", "whisper-large-v3-turbo"): 10}
#: Models on OpenAI's list that OpenAI does not serve: who does sets the price, or has none.
_OPEN_WEIGHTS = "gpt-oss"
#: Models matched and rates resolved are remembered for this many different keys; names come from outside.
_REMEMBERED = 2048


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per token (or other unit; of the keys that end in ``_hours``, per hour), with the higher rates of
    long prompts.
    """

    base: Decimal
    #: ``(input tokens above which it applies, rate for the whole call)``, ascending.
    tiers: tuple[tuple[int, Decimal], ...] = ()
    #: Of a model that is billed by the hour, the seconds that are billed at least.
    least_seconds: int = 0
    #: Input tokens above which it may be higher, and the list does not say by how much; None: it is not.
    known_to: int | None = None

    def at(self, input_tokens: int) -> Decimal:
        """The rate for a call whose whole input, cached part included, is `input_tokens`."""
        rate = self.base
        for start, tier_rate in self.tiers:
            if input_tokens > start:
                rate = tier_rate
        return rate


#: Price key of genai-prices (``input_mtok`` …) → rate. Empty for a model that costs nothing.
Rates = Mapping[str, Rate]


class Listed(NamedTuple):
    """Rates of the list, and since when they hold (aware); None where it does not say."""

    rates: Rates
    effective_from: datetime | None = None


def power(key: str) -> int:
    """Per how many a price is, as a power of ten. An hour cannot be divided exactly, and stays one.

    Keys end in ``_mtok`` (a million tokens), ``_mchars`` (a million characters) or ``_kcount`` (a thousand).
    """
    return 6 if key.endswith(("_mtok", "_mchars")) else 3 if key.endswith("_kcount") else 0


#: The list that the user has saved, and the installed one once it is needed.
_saved: PriceList | None = None
_installed: PriceList | None = None


def use(saved: PriceList | None) -> None:
    """Price by the list `saved` from now on; None: by the one that is installed."""
    global _saved
    _saved = saved


def version() -> str:
    """Name and version of the price list: ``genai-prices 0.2.3``."""
    return (_saved or _installed or _load()).version


def _load() -> PriceList:
    global _installed
    _installed = lists.installed()
    return _installed


def find(
    provider: str, model: str, service_tier: str | None, at: datetime, *, batch: bool = False
) -> Rates | None:
    """The rates for a call, or None where the list does not know them.

    Args:
        provider: OpenTelemetry's provider name, or the host of an unknown one. Unknown hosts are taken for
            gateways in front of OpenAI: they have rates where the model is on OpenAI's list, and not one of
            open weights.
        model: the served model.
        service_tier: the served tier.
        at: when the request was made (aware).
        batch: whether it was one of a batch.
    """
    listed = find_dated(provider, model, service_tier, at, batch=batch)
    return None if listed is None else listed.rates


def find_dated(
    provider: str, model: str, service_tier: str | None, at: datetime, *, batch: bool = False
) -> Listed | None:
    """As `find`, and since when the rates hold."""
    price_list = _saved or _installed or _load()
    moment = at if at.tzinfo is UTC else at.astimezone(UTC)
    # Prices change by date; a few also by time of day.
    minute = moment.hour * 60 + moment.minute if _match(price_list, provider, model).by_time_of_day else 0
    return _resolve(price_list, provider, model, service_tier, moment.toordinal(), minute, batch)


@dataclass(frozen=True, slots=True)
class _Match:
    model: ModelInfo | None
    #: Tier rates belong to the provider that lists the model, not to one that resells it.
    own: bool = False
    by_time_of_day: bool = False
    least_seconds: int = 0


@lru_cache(maxsize=_REMEMBERED)
def _match(price_list: PriceList, provider: str, model: str) -> _Match:
    from genai_prices.data_snapshot import find_provider_by_id
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    providers = price_list.providers
    listed = find_provider_by_id(providers, LIST_PROVIDERS.get(provider, provider))
    if listed is None and not model.lower().startswith(_OPEN_WEIGHTS):
        listed = find_provider_by_id(providers, "openai")
    if listed is not None and listed.id == "google":
        model = model.removeprefix("models/").removeprefix("google/")
    found = None if listed is None else listed.find_model(model, all_providers=providers)
    if listed is None or found is None:
        return _Match(None)
    dated = [] if isinstance(found.prices, ModelPrice) else found.prices
    own = any(found is candidate for candidate in listed.models)
    return _Match(
        model=found,
        own=own,
        by_time_of_day=any(isinstance(price.constraint, TimeOfDateConstraint) for price in dated),
        least_seconds=_LEAST_SECONDS.get((listed.id, found.id), 0) if own else 0,
    )


@lru_cache(maxsize=_REMEMBERED)
def _resolve(
    price_list: PriceList,
    provider: str,
    model: str,
    service_tier: str | None,
    day: int,
    minute: int,
    batch: bool,
) -> Listed | None:
    match = _match(price_list, provider, model)
    if (priced := match.model) is None:
        return None
    moment = datetime.fromordinal(day).replace(hour=minute // 60, minute=minute % 60, tzinfo=UTC)
    context = {"processing": "batch"} if batch else {}
    if service_tier is not None and service_tier not in STANDARD_TIERS:
        context["service_tier"] = service_tier
    standard = priced.get_prices(moment)
    if not context:
        return Listed(_rates(standard, standard, match.least_seconds), _since(priced, standard, [], moment))
    variants = [
        variant
        for variant in priced.price_variants or ()
        if variant.when.items() <= context.items()
        and (variant.constraint is None or variant.constraint.active(moment))
    ]
    if not match.own or not any(variant.when == context for variant in variants):
        return None
    prices = priced.get_prices(moment, context)
    return Listed(_rates(prices, standard, match.least_seconds), _since(priced, standard, variants, moment))


def _since(
    model: ModelInfo, standard: ModelPrice, variants: list[PriceVariant], moment: datetime
) -> datetime | None:
    """Since when all the prices hold that `variants` put in place of the standard ones.

    Of two variants that name a price the first counts, as in the list.
    """
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    dated = [] if isinstance(model.prices, ModelPrice) else model.prices
    usual = next((price.constraint for price in dated if price.prices is standard), None)
    named = [(standard, usual), *((variant.prices, variant.constraint) for variant in reversed(variants))]
    held = {key: since for prices, since in named for key, price in vars(prices).items() if price is not None}
    constraints = [*held.values()] or [usual]
    if any(isinstance(constraint, TimeOfDateConstraint) for constraint in constraints):
        return None  # they come and go every day
    starts = [since.start_date for since in constraints if isinstance(since, StartDateConstraint)]
    day = max((start for start in starts if start <= moment.date()), default=None)
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _rates(prices: ModelPrice, standard: ModelPrice, least_seconds: int) -> Rates:
    from genai_prices.types import TieredPrices

    rates: dict[str, Rate] = {}
    for key, price in vars(prices).items():
        # A price per something that is not counted here (pages, pixels) is a rate nobody asks for, but it
        # keeps the model from passing as one without prices.
        scale = power(key)
        if isinstance(price, TieredPrices):
            tiers = tuple((tier.start, _each(tier.price, scale)) for tier in price.tiers)
            rates[key] = Rate(_each(price.base, scale), tiers)
        elif isinstance(price, Decimal):
            usual = vars(standard).get(key)
            # A long prompt is dearer at the standard tier, and the list leaves out by how much at this one.
            known_to = usual.tiers[0].start if isinstance(usual, TieredPrices) and usual.tiers else None
            rates[key] = Rate(_each(price, scale), least_seconds=least_seconds, known_to=known_to)
    return rates


def _each(price: Decimal, scale: int) -> Decimal:
    return price.scaleb(-scale, money.EXACT)
