"""Budgets, their states and their crossings as they are answered and sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from infraprism.collector import times, wire
from infraprism.collector.budgets.definitions import TAG, Budget
from infraprism.collector.budgets.periods import bounds
from infraprism.collector.budgets.reserving import Answer, Overrun
from infraprism.collector.store.crossings import Due
from infraprism.collector.store.spending import Spent
from infraprism.pricing import CURRENCY, money


def definition(budget: Budget) -> dict[str, Any]:
    """A budget as it was defined."""
    return {
        "id": budget.id,
        "name": budget.name,
        "amount": wire.number(budget.amount),
        "currency": CURRENCY,
        "per": budget.per,
        "entity_type": budget.entity_type,
        "entity_id": budget.entity_id,
        "value": budget.value,
        "period": budget.period,
        "action": budget.action,
        "webhook_url": budget.webhook_url,
        "created_at": wire.time(budget.created_at),
    }


def state(budget: Budget, period: tuple[int, int], spent: Spent) -> dict[str, Any]:
    """What one who spends has spent and has left. Below 0 where it is overrun."""
    used = spent.used
    left = money.EXACT.subtract(budget.amount, money.EXACT.add(used.spent, used.reserved))
    return {
        "key": key(budget.per, spent),
        **_period(period),
        "spent": wire.number(used.spent),
        "reserved": wire.number(used.reserved),
        "limit": wire.number(budget.amount),
        "remaining": wire.number(left),
        "currency": CURRENCY,
        "unpriced_calls": used.unpriced_calls,
        "crossed_at": None if spent.crossed_at is None else wire.time(spent.crossed_at),
    }


def reservation(reservation_id: str, answer: Answer) -> dict[str, Any]:
    """What became of a reservation, and the budgets that the call does not fit into."""
    return {
        "id": reservation_id,
        "allowed": answer.is_allowed,
        "expires_at": wire.time(answer.expires_at) if answer.is_allowed else None,
        "overruns": [_overrun(overrun) for overrun in answer.overruns],
    }


def message(due: Due) -> bytes:
    """The body of a webhook."""
    crossing, budget = due
    left = money.EXACT.add(Decimal(crossing.spent), Decimal(crossing.reserved))
    content = {
        "type": "budget.crossed",
        "timestamp": wire.time(crossing.crossed_at),
        "data": {
            "budget": definition(budget),
            "key": key(budget.per, crossing[2:5]),
            **_period(bounds(budget.period, crossing.period_start)),
            "spent": wire.number(Decimal(crossing.spent)),
            "reserved": wire.number(Decimal(crossing.reserved)),
            "limit": wire.number(crossing.budget_amount),
            "remaining": wire.number(money.EXACT.subtract(crossing.budget_amount, left)),
            "currency": CURRENCY,
        },
    }
    return msgspec.json.encode(content)


def key(per: str, of: tuple[Any, ...]) -> dict[str, str | None]:
    """Whose account it is, from its entity type, entity id and value."""
    entity = {"entity_type": of[0] or None, "entity_id": of[1] or None}
    if per == "entity":
        return entity
    return {**entity, "session_id": of[2]} if per == "session" else {"tag": per[len(TAG) :], "value": of[2]}


def _overrun(overrun: Overrun) -> dict[str, Any]:
    budget, place, account, used = overrun
    shown = definition(budget)
    if place is not None:
        shown = {name: shown[name] for name in ("amount", "currency", "per", "period", "action")}
        shown |= {"entity_type": budget.entity_type, "entity_id": budget.entity_id}
    else:
        del shown["webhook_url"], shown["created_at"]  # of no concern to who only makes calls
    return {
        "index": place,
        "budget": shown,
        **_period((account.since, account.until)),
        "spent": wire.number(used.spent),
        "reserved": wire.number(used.reserved),
    }


def _period(period: tuple[int, int]) -> dict[str, str | None]:
    since, until = period
    if until == times.LATEST:
        return {"period_start": None, "period_end": None}
    return {"period_start": wire.time(since), "period_end": wire.time(until)}
