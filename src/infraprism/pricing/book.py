"""The user's own prices: what each is for, when it holds, and which of several that fit applies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import ClassVar, NamedTuple, TypeVar

from infraprism.pricing.exchange import Display
from infraprism.pricing.lists import PriceList
from infraprism.pricing.rates import STANDARD_TIERS, Rates

#: Type and id of who the cost belongs to; the type alone stands for all of its ids.
Entity = tuple[str | None, str | None]

#: What fits is remembered for this many different calls; names of models come from outside.
_REMEMBERED = 2048
#: The date that names of models end in: ``-2024-08-06``, ``-20241022``, ``-0613``.
_DATED = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8}|\d{4})$")
_FIRST = datetime.min.replace(tzinfo=UTC)


class Period(NamedTuple):
    """From a moment on, until just before another, aware; None where there is no end to that side."""

    starts: datetime | None = None
    ends: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether `at` is in it."""
        return (self.starts is None or self.starts <= at) and (self.ends is None or at < self.ends)


#: Without an end to either side.
EVER = Period()


class Models(NamedTuple):
    """Which models of which provider, in lower case; None is every provider.

    A name stands for itself and for its dated versions, one that ends in ``*`` for all that begin so.
    """

    provider: str | None
    name: str

    def rank(self, provider: str, model: str) -> tuple[int, int] | None:
        """How closely this says `model` of `provider`, the more the higher; None where it does not."""
        if self.provider is not None and self.provider != provider:
            return None
        if self.name.endswith("*"):
            return (0, len(self.name)) if model.startswith(self.name[:-1]) else None
        if model == self.name:
            return (2, 0)
        return (1, 0) if _DATED.sub("", model) == self.name else None


#: Every model.
ANY = Models(None, "*")


@dataclass(frozen=True, slots=True)
class Entry:
    """The rates of some models, at one service tier, for everybody or for one entity (a contract)."""

    models: Models
    rates: Rates
    period: Period = EVER
    #: None is the standard one.
    service_tier: str | None = None
    batch: bool = False
    entity: Entity | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a model: of an Azure deployment, or of one on a server of the user's own."""

    models: Models
    model: str
    period: Period = EVER
    #: Everybody's.
    entity: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """By how many percent of the rates an entity pays less (below 0) or more (above)."""

    entity: Entity
    percent: Decimal
    models: Models = ANY
    period: Period = EVER


_Any = TypeVar("_Any", Entry, Alias, Adjustment)


@dataclass(frozen=True, eq=False)
class Book:
    """A file of prices. Of all that fits a call, what speaks most closely of it applies.

    That is: of its entity before its entity's type before everybody; then of its model by name before a
    dated version before the longest beginning; then what came into force last.
    """

    #: Name and fingerprint: what a cost names as its price list.
    version: str
    entries: tuple[Entry, ...] = ()
    aliases: tuple[Alias, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    display: Display | None = None
    #: What it has no rates for is priced by this list; None is the installed one.
    listed: PriceList | None = None
    _entities: frozenset[Entity] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        contracts = (entry.entity for entry in self.entries if entry.entity is not None)
        named = frozenset([*contracts, *(adjustment.entity for adjustment in self.adjustments)])
        object.__setattr__(self, "_entities", named)

    def model(self, provider: str, model: str, at: datetime) -> str:
        """What `model` of `provider` is an alias of, else itself."""
        alias = _in_force(_aliases(self, provider, model.lower()), at)
        return model if alias is None else alias.model

    def entry(
        self,
        provider: str,
        model: str,
        service_tier: str | None,
        at: datetime,
        *,
        batch: bool = False,
        entity: Entity | None = None,
    ) -> Entry | None:
        """The rates for a call, or None where the file has none for exactly this tier, or batch."""
        tier = None if service_tier in STANDARD_TIERS else service_tier
        found = _entries(self, provider, model.lower(), tier, batch, self._known(entity))
        return _in_force(found, at)

    def adjustment(self, provider: str, model: str, at: datetime, entity: Entity | None) -> Adjustment | None:
        """The discount or mark-up of `entity`, if it has one. They are not added to one another."""
        known = self._known(entity)
        return None if known is None else _in_force(_adjustments(self, provider, model.lower(), known), at)

    def _known(self, entity: Entity | None) -> Entity | None:
        """`entity` as far as the file has a word on it: there are more ids than can be remembered."""
        if entity is None or entity in self._entities:
            return entity
        of_type = (entity[0], None)
        return of_type if of_type in self._entities else None


def _in_force(found: Iterable[_Any], at: datetime) -> _Any | None:
    for item in found:  # asked three times a call: a generator takes a quarter of a microsecond more
        if item.period.holds(at):
            return item
    return None


@lru_cache(maxsize=_REMEMBERED)
def _aliases(book: Book, provider: str, model: str) -> list[Alias]:
    return _best_first(book.aliases, provider, model, None)


@lru_cache(maxsize=_REMEMBERED)
def _entries(
    book: Book, provider: str, model: str, tier: str | None, batch: bool, entity: Entity | None
) -> list[Entry]:
    offered = (item for item in book.entries if item.service_tier == tier and item.batch is batch)
    return _best_first(offered, provider, model, entity)


@lru_cache(maxsize=_REMEMBERED)
def _adjustments(book: Book, provider: str, model: str, entity: Entity) -> list[Adjustment]:
    return _best_first(book.adjustments, provider, model, entity)


def _best_first(items: Iterable[_Any], provider: str, model: str, entity: Entity | None) -> list[_Any]:
    """Those of `items` that fit, whenever they hold, the one that is to be asked first in front."""
    ranked: list[tuple[tuple[object, ...], _Any]] = []
    for item in items:
        closeness, rank = _closeness(item.entity, entity), item.models.rank(provider, model)
        if closeness is not None and rank is not None:
            named = item.models.provider is not None
            ranked.append(((closeness, rank, named, item.period.starts or _FIRST), item))
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    return [item for _, item in ranked]


def _closeness(owner: Entity | None, entity: Entity | None) -> int | None:
    """How closely what is meant for `owner` (None: for everybody) fits `entity`; None where it does not."""
    if owner is None:
        return 0
    if owner == entity:
        return 2
    return 1 if entity is not None and owner == (entity[0], None) else None
