"""What may be spent: by a session, an entity or all that has a tag, in a period of time.

Amounts are exact, whatever the host application did to the global decimal context.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from typing import Any, Literal, NamedTuple, get_args

from infraprism.sessions.identity import Id, Identity, identify

#: Every operation is exact or raises `decimal.Inexact`.
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])
ZERO = Decimal(0)
#: The finest amount that is stored anywhere.
_FINEST = Decimal("1e-24")

Period = Literal["hour", "day", "week", "month"]
Action = Literal["warn", "raise"] | Callable[["Overrun"], object]

_TAG = "tag:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY = datetime(1969, 12, 29, tzinfo=UTC)
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_NAMED: tuple[Period, ...] = get_args(Period)


class Scope(NamedTuple):
    """What is counted together. Budgets of one scope have one account for each who spends.

    Attributes:
        per: ``session``, ``entity`` or ``tag:`` and the tag's key.
        period: how long, or ``week``, or ``month``; None where it never ends.
        entity_type, entity_id: whose calls only; None for everybody's.
    """

    per: str
    period: timedelta | Literal["week", "month"] | None
    entity_type: str | None
    entity_id: str | None

    def key(self, identity: Identity) -> tuple[str | None, ...] | None:
        """Who of those that have an account spends here; None where the call is not counted."""
        if self.entity_type not in (None, identity.entity_type):
            return None
        if self.entity_id not in (None, identity.entity_id):
            return None
        if self.per == "session":
            return None if identity.session_id is None else identity.session
        if self.per == "entity":
            return None if identity.entity == (None, None) else identity.entity
        value = identity.tags.get(self.per[len(_TAG) :])
        return None if value is None else (value,)

    def number(self, now: datetime) -> int:
        """The number of the period that `now` (aware) is in, counted in UTC; 0 where there is only one."""
        if self.period is None:
            return 0
        if self.period == "month":
            now = now.astimezone(UTC)
            return now.year * 12 + now.month
        if self.period == "week":
            return (now - _MONDAY) // timedelta(days=7)
        return (now - _EPOCH) // self.period


@dataclass(frozen=True, init=False)
class Budget:
    """What may be spent, in this process, or in all that share it.

    Args:
        usd: the amount: a Decimal, an int, or a str such as ``"0.50"``; 0 or more.
        per: ``session``: each session has it; ``entity``: each entity has; ``tag:feature``: each value of
            the tag ``feature`` has.
        period: ``hour``, ``day``, ``week`` (from Monday), ``month`` (in UTC), or so long, counted from
            1970-01-01T00:00Z; None: once and for all.
        action: what happens where a call does not fit: ``warn`` logs it, ``raise`` refuses the call with
            `BudgetExceededError`, anything else is called with the `Overrun`, and refuses by raising that.
        entity_type: only calls of such entities are counted.
        entity_id: only calls of this entity are.
        shared: the collector is asked about each call, so that all processes that ask it spend from one
            account. While it does not answer, each has one for itself.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.
    """

    usd: Decimal
    per: str
    period: Period | timedelta | None
    action: Action
    entity_type: str | None
    entity_id: str | None
    shared: bool

    def __init__(
        self,
        usd: Decimal | int | str,
        per: str = "session",
        period: Period | timedelta | None = None,
        action: Action = "warn",
        *,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        shared: bool = False,
    ) -> None:
        if per not in ("session", "entity") and (per == _TAG or not str(per).startswith(_TAG)):
            raise ValueError("per must be 'session', 'entity' or 'tag:' and a tag's key")
        if isinstance(period, timedelta):
            if period <= timedelta(0):
                raise ValueError("period must be longer than nothing")
            if shared:
                raise ValueError("period of a shared budget must be 'hour', 'day', 'week', 'month' or None")
        elif period is not None and period not in _NAMED:
            raise ValueError("period must be 'hour', 'day', 'week', 'month', a timedelta or None")
        if action not in ("warn", "raise") and (not callable(action) or inspect.iscoroutinefunction(action)):
            raise TypeError("action must be 'warn', 'raise' or a function that is not async")
        only = identify(None, entity_type, entity_id)
        for name, value in (
            ("usd", _amount(usd)),
            ("per", per),
            ("period", period),
            ("action", action),
            ("entity_type", only.entity_type),
            ("entity_id", only.entity_id),
            ("shared", bool(shared)),
        ):
            object.__setattr__(self, name, value)

    @property
    def scope(self) -> Scope:
        """What it counts together with others of its kind, whatever they allow."""
        period = self.period
        length = period if period is None or period in ("week", "month") else _length(period)
        return Scope(self.per, length, self.entity_type, self.entity_id)

    def allows(self, spent: Decimal, reserved: Decimal, asked: Decimal | None) -> bool:
        """Whether a call fits that is estimated at `asked`: what costs nothing always does, what costs
        nobody knows what does while there is something left.
        """
        if asked is None:
            return EXACT.add(spent, reserved) < self.usd
        return not asked or EXACT.add(EXACT.add(spent, reserved), asked) <= self.usd


def _length(period: Any) -> timedelta:
    return period if isinstance(period, timedelta) else _LENGTHS[period]


def _amount(usd: Any) -> Decimal:
    if isinstance(usd, bool) or not isinstance(usd, Decimal | int | str):
        raise TypeError(
            f"usd must be a Decimal, an int or a str, not {type(usd).__name__}: floats are not exact"
        )
    try:
        amount = EXACT.create_decimal(usd)
        if amount.is_finite() and amount >= 0:
            EXACT.quantize(amount, _FINEST)
            return amount
    except DecimalException:
        pass
    raise ValueError("usd must be an amount of 0 or more, with at most 24 places")


class Overrun(NamedTuple):
    """A call that does not fit into a budget, or after which it is overrun. Amounts are in USD.

    Attributes:
        identity: whose call it is.
        spent: by the calls that have ended, as far as their cost is known.
        reserved: for calls that are under way, without this one.
        asked: what this call is estimated at; None where nobody knows; 0 where it has ended and is
            in `spent`.
    """

    budget: Budget
    identity: Identity
    spent: Decimal
    reserved: Decimal
    asked: Decimal | None

    def __str__(self) -> str:
        """The amounts, and nothing of whose they are."""
        budget = self.budget
        every = "" if budget.period is None else f" and {budget.period}"
        asked = "an unknown amount" if self.asked is None else _dollars(self.asked)
        return (
            f"budget of {_dollars(budget.usd)} per {budget.per}{every}: "
            f"{_dollars(self.spent)} spent, {_dollars(self.reserved)} reserved, {asked} asked for"
        )


def _dollars(amount: Decimal) -> str:
    digits = format(amount, "f")
    return "$" + (digits.rstrip("0").rstrip(".") if "." in digits else digits)


class BudgetExceededError(Exception):
    """A call was not made, because it does not fit into a budget that refuses such calls.

    The one exception of InfraPrism's that reaches the caller of a client's method.

    Attributes:
        budget, identity, spent, reserved, asked: as of `Overrun`.
    """

    def __init__(self, overrun: Overrun) -> None:
        super().__init__(overrun)
        self.budget, self.identity, self.spent, self.reserved, self.asked = overrun

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # An identity without tags has some that cannot be sent to another process.
        overrun: Overrun = self.args[0]
        identity = overrun.identity._replace(tags=dict(overrun.identity.tags))
        return type(self), (overrun._replace(identity=identity),)
