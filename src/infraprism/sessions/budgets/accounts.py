"""The accounts of those who spend: arithmetic and bounded memory, without a lock of their own."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from decimal import Decimal

from infraprism.sessions.budgets.budget import EXACT, ZERO, Budget, Scope
from infraprism.sessions.identity import Identity


class Account:
    """What one who spends has spent in a period, and reserved for calls that are under way; USD."""

    __slots__ = ("_told", "reserved", "spent")

    def __init__(self) -> None:
        self.spent = ZERO
        self.reserved = ZERO
        #: How far over a budget it was when that was last told: 1, or 2 beyond twice the budget.
        self._told: dict[Budget, int] | None = None

    def rises(self, budget: Budget, used: Decimal) -> bool:
        """Whether `used`, which is over a budget, is farther over than was told; then it is told."""
        level = 2 if EXACT.subtract(used, budget.usd) > budget.usd else 1
        if self._told is None:
            self._told = {}
        if level <= self._told.get(budget, 0):
            return False
        self._told[budget] = level
        return True


class Book:
    """The accounts of one scope in its present period, the one that was used last at the end."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.budgets: tuple[Budget, ...] = ()
        self.accounts: OrderedDict[tuple[str | None, ...], Account] = OrderedDict()
        self._number = 0

    def account(self, identity: Identity, now: datetime, capacity: int) -> tuple[Account | None, int]:
        """The account in which calls of `identity` are counted at `now` (aware), None where they are not;
        and how many others, of more than `capacity`, made room for it.
        """
        key = self.scope.key(identity)
        if key is None:
            return None, 0
        number = self.scope.number(now)
        if number > self._number:  # a clock that is set back begins no period again
            self._number, self.accounts = number, OrderedDict()
        account = self.accounts.get(key)
        if account is not None:
            self.accounts.move_to_end(key)
            return account, 0
        account = self.accounts[key] = Account()
        if len(self.accounts) <= capacity:
            return account, 0
        self.accounts.popitem(last=False)
        return account, 1
