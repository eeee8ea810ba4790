"""What the application wants to know of each call: functions of its own, told what the call cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from infraprism import guard
from infraprism.pricing import Cost
from infraprism.sessions import Identity
from infraprism.tracing.ledger import Totals


class CallCost(NamedTuple):
    """What one call cost.

    Attributes:
        cost: with its status, amount and parts in USD; the amount is None where it is unpriced.
        totals: of its session, the call included; None where it is in none.
    """

    session_id: str | None
    entity_type: str | None
    entity_id: str | None
    tags: Mapping[str, str]
    cost: Cost
    provider: str | None
    model: str | None
    operation: str | None
    totals: Totals | None


#: Replaced, never changed: whoever goes through them needs no lock.
_callbacks: tuple[Callable[[CallCost], object], ...] = ()


def on_cost(callback: Callable[[CallCost], object]) -> Callable[[], None]:
    """Have `callback` called after each call of this process whose cost is known; gives how to take it off.

    It is called in the thread in which the call ends, which waits for it, for our own calls and for those of
    other instrumentations, and for our own whether or not they are sampled. One that raises is counted as a
    drop of ``on_cost_failed`` and does no harm.
    """
    global _callbacks
    _callbacks = (*_callbacks, callback)

    def remove() -> None:
        global _callbacks
        _callbacks = tuple(known for known in _callbacks if known is not callback)

    return remove


def tell(
    identity: Identity,
    cost: Cost,
    totals: Totals | None,
    *,
    provider: str | None,
    model: str | None,
    operation: str | None,
) -> None:
    """Tell every callback what a call cost. No lock may be held by then."""
    if not _callbacks:
        return
    record = CallCost(*identity, cost, provider, model, operation, totals)
    for callback in _callbacks:
        _call(callback, record)


@guard.guarded("on_cost_failed")
def _call(callback: Callable[[CallCost], object], record: CallCost) -> None:
    callback(record)
