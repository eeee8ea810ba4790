"""Which rates a call is billed by: the user's own where they have some for it, else the list's."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from infraprism.pricing import rates
from infraprism.pricing.book import Book, Entity
from infraprism.pricing.rates import Rates

#: The user's own prices in this process.
book: Book | None = None


def use(own: Book | None) -> None:
    """Price by `own` from now on, and by its list, or the installed one, what it has no rates for.

    None: by the installed list alone.
    """
    global book
    book = own
    rates.use(None if own is None else own.listed)


class Quote(NamedTuple):
    """The rates for one call, and what to say of them."""

    rates: Rates
    #: Where they are from: names of the book, the list, or both, with their versions.
    version: str
    #: Since when they hold, the percentage included, where the list or the book says so.
    effective_from: datetime | None = None
    #: By how many percent the entity pays more than these rates, or less (below 0).
    percent: Decimal | None = None


def find(
    provider: str,
    model: str,
    service_tier: str | None,
    at: datetime,
    *,
    batch: bool = False,
    entity: Entity | None = None,
) -> Quote | None:
    """The rates for a call; None where neither the user nor the list has any. Arguments as of `price`."""
    own = book
    if own is None:
        listed = rates.find_dated(provider, model, service_tier, at, batch=batch)
        return None if listed is None else Quote(listed.rates, rates.version(), listed.effective_from)
    meant = own.model(provider, model, at)
    entry = own.entry(provider, meant, service_tier, at, batch=batch, entity=entity)
    # What was agreed with an entity is what it pays.
    agreed = entry is not None and entry.entity is not None
    adjustment = None if agreed else own.adjustment(provider, meant, at, entity)
    percent = None if adjustment is None else adjustment.percent
    adjusted_from = None if adjustment is None else adjustment.period.starts
    if entry is not None:
        return Quote(entry.rates, own.version, _later(entry.period.starts, adjusted_from), percent)
    listed = rates.find_dated(provider, meant, service_tier, at, batch=batch)
    if listed is None:
        return None
    touched = percent is not None or meant is not model
    version = f"{rates.version()}, {own.version}" if touched else rates.version()
    return Quote(listed.rates, version, _later(listed.effective_from, adjusted_from), percent)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
