"""Recosts as objects of the Analytics API. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from infraprism.collector import wire
from infraprism.collector.recosts.recost import Result, Sums
from infraprism.collector.store.history import Recost
from infraprism.pricing import CURRENCY, money

#: Entities in one answer, those with the largest differences.
MOST_ENTITIES: Final = 100


def row(recost: Recost) -> dict[str, Any]:
    """One recost that was done."""
    before, after = Decimal(recost.amount_before), Decimal(recost.amount_after)
    return {
        "id": recost.id,
        "recosted_at": wire.time(recost.recosted_at),
        "since": wire.time(recost.since),
        "until": None if recost.until is None else wire.time(recost.until),
        "model": recost.model,
        "entity_type": recost.entity_type,
        "entity_id": recost.entity_id,
        "unpriced": recost.unpriced,
        "price_version": recost.price_version,
        "calls": recost.calls,
        "changed": recost.changed,
        "newly_priced": recost.newly_priced,
        "newly_unpriced": recost.newly_unpriced,
        "skipped": recost.skipped,
        **_amounts(before, after),
        "currency": CURRENCY,
    }


def result(done: Result, *, dry_run: bool) -> dict[str, Any]:
    """What a recost changed, or would change: in total, and by entity."""
    answer = row(done.recost) | {"dry_run": dry_run}
    if dry_run:
        answer["id"] = None
    changed = [(entity, sums) for entity, sums in done.entities.items() if sums.changed]
    changed.sort(key=lambda pair: (-abs(_difference(pair[1])), pair[0][0] or "", pair[0][1] or ""))
    answer["entities"] = [_entity(*pair, done) for pair in changed[:MOST_ENTITIES]]
    answer["more_entities"] = max(len(changed) - MOST_ENTITIES, 0)
    if done.display is not None:
        answer["display"] = _display(done.total, done)
    return answer


def _entity(entity: tuple[str | None, str | None], sums: Sums, done: Result) -> dict[str, Any]:
    answer = {
        "entity_type": entity[0],
        "entity_id": entity[1],
        "calls": sums.calls,
        "changed": sums.changed,
        "newly_priced": sums.newly_priced,
        "newly_unpriced": sums.newly_unpriced,
        **_amounts(sums.before, sums.after),
    }
    if done.display is not None:
        answer["display"] = _display(sums, done)
    return answer


def _display(sums: Sums, done: Result) -> dict[str, Any] | None:
    if done.display is None or sums.shown_before is None or sums.shown_after is None:
        return None
    return {"currency": done.display.currency, **_amounts(sums.shown_before, sums.shown_after)}


def _amounts(before: Decimal, after: Decimal) -> dict[str, Any]:
    return {
        "amount_before": wire.number(before),
        "amount_after": wire.number(after),
        "difference": wire.number(money.EXACT.subtract(after, before)),
    }


def _difference(sums: Sums) -> Decimal:
    return money.EXACT.subtract(sums.after, sums.before)
