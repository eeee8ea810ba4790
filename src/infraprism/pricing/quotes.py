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
    #: Of a rate of the user's own, since when it holds, where it says so.
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
        listed = rates.find(provider, model, service_tier, at, batch=batch)
        return None if listed is None else Quote(listed, rates.version())
    meant = own.model(provider, model, at)
    entry = own.entry(provider, meant, service_tier, at, batch=batch, entity=entity)
    # What was agreed with an entity is what it pays.
    agreed = entry is not None and entry.entity is not None
    adjustment = None if agreed else own.adjustment(provider, meant, at, entity)
    percent = None if adjustment is None else adjustment.percent
    if entry is not None:
        return Quote(entry.rates, own.version, entry.period.starts, percent)
    listed = rates.find(provider, meant, service_tier, at, batch=batch)
    if listed is None:
        return None
    touched = percent is not None or meant is not model
    return Quote(listed, f"{rates.version()}, {own.version}" if touched else rates.version(), None, percent)
