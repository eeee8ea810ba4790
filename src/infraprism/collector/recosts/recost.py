"""Stored calls priced again by the prices in force now: what changes, and the change itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from infraprism import pricing
from infraprism.collector import times
from infraprism.collector.recosts.repricing import Stored, reprice
from infraprism.collector.store.history import CallFilter, Recost
from infraprism.collector.store.recosting import Recosting
from infraprism.pricing import Book, Cost, money, quotes
from infraprism.pricing.exchange import Display


class StoppedError(Exception):
    """The collector stops; nothing was changed."""


@dataclass(slots=True)
class Sums:
    """What becomes of the calls of one entity, or of all. Amounts are sums of those that are known."""

    calls: int = 0
    changed: int = 0
    newly_priced: int = 0
    newly_unpriced: int = 0
    before: Decimal = money.ZERO
    after: Decimal = money.ZERO
    #: In the currency of display, each call at its own date; None where there is none, or no rate for a call.
    shown_before: Decimal | None = None
    shown_after: Decimal | None = None

    def add(self, other: Sums) -> None:
        """Add the calls of another entity."""
        self.calls += other.calls
        self.changed += other.changed
        self.newly_priced += other.newly_priced
        self.newly_unpriced += other.newly_unpriced
        self.before = money.EXACT.add(self.before, other.before)
        self.after = money.EXACT.add(self.after, other.after)
        self.shown_before = _plus(self.shown_before, other.shown_before)
        self.shown_after = _plus(self.shown_after, other.shown_after)


@dataclass(frozen=True)
class Result:
    """What a recost changed, or would change."""

    recost: Recost
    total: Sums
    #: By type and id.
    entities: dict[tuple[str | None, str | None], Sums]
    display: Display | None


@dataclass
class _Tally:
    display: Display | None
    entities: dict[tuple[str | None, str | None], Sums] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)

    def new_sums(self) -> Sums:
        shown = None if self.display is None else money.ZERO
        return Sums(shown_before=shown, shown_after=shown)

    def take(self, call: Stored) -> Cost | None:
        """Count `call`; its new cost where that is another one."""
        entity = (call.entity_type, call.entity_id)
        sums = self.entities.get(entity)
        if sums is None:
            sums = self.entities[entity] = self.new_sums()
        sums.calls += 1
        cost = reprice(call)
        if isinstance(cost, str):
            self.skipped[cost] += 1
            self._add(sums, call, call.amount)
            return None
        self._add(sums, call, cost.amount)
        if cost.amount == call.amount and cost.status == call.cost_status:
            return None
        sums.changed += 1
        sums.newly_priced += call.amount is None
        sums.newly_unpriced += cost.amount is None
        return cost

    def _add(self, sums: Sums, call: Stored, after: Decimal | None) -> None:
        before = call.amount
        if before is not None:
            sums.before = money.EXACT.add(sums.before, before)
        if after is not None:
            sums.after = money.EXACT.add(sums.after, after)
        if self.display is None:
            return
        rate = self.display.rate(times.moment(call.started_at))
        if rate is None:
            sums.shown_before = sums.shown_after = None
            return
        if before is not None:
            sums.shown_before = _plus(sums.shown_before, money.EXACT.multiply(before, rate.rate))
        if after is not None:
            sums.shown_after = _plus(sums.shown_after, money.EXACT.multiply(after, rate.rate))

    def total(self) -> Sums:
        total = self.new_sums()
        for sums in self.entities.values():
            total.add(sums)
        return total


def run(
    store: Recosting,
    wanted: CallFilter,
    own: Book | None,
    *,
    at: int,
    dry_run: bool,
    stopping: Callable[[], bool],
) -> Result:
    """Price the wanted calls again, by `own` and the list; unless `dry_run`, commit their new costs.

    Nobody else changes rows that are there, or prices in this process, until this returns. Calls that arrive
    meanwhile without a cost are priced by `own`, too. Raises `StoppedError` once `stopping`.
    """
    before = quotes.book
    pricing.use(own)
    try:
        tally = _Tally(None if own is None else own.display)
        recost_id = store.next_id()
        for chunk in store.chunks(wanted):
            if stopping():
                raise StoppedError
            changes = [(call, cost) for call in chunk if (cost := tally.take(call)) is not None]
            if not dry_run:
                store.replace(recost_id, changes)
        total = tally.total()
        recost = Recost(
            id=recost_id,
            recosted_at=at,
            since=wanted.since,
            until=wanted.until,
            model=wanted.model,
            entity_type=wanted.entity_type,
            entity_id=wanted.entity_id,
            unpriced=wanted.unpriced,
            price_version=pricing.version() if own is None else f"{pricing.version()}, {own.version}",
            calls=total.calls,
            changed=total.changed,
            newly_priced=total.newly_priced,
            newly_unpriced=total.newly_unpriced,
            skipped=dict(sorted(tally.skipped.items())),
            amount_before=money.text(total.before),
            amount_after=money.text(total.after),
        )
        if not dry_run:
            store.commit(recost)
    finally:
        pricing.use(before)
    return Result(recost, total, tally.entities, tally.display)


def _plus(amount: Decimal | None, more: Decimal | None) -> Decimal | None:
    return None if amount is None or more is None else money.EXACT.add(amount, more)
