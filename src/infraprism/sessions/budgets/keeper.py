"""Keeps what was spent and what is reserved, for the budgets that are in force in this process."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from infraprism import guard
from infraprism.sessions.budgets.accounts import Account, Book
from infraprism.sessions.budgets.budget import EXACT, ZERO, Budget, BudgetExceededError, Overrun, Scope
from infraprism.sessions.identity import Identity


class Hold:
    """What is reserved for one call.

    Attributes:
        asked: what it is estimated at (USD); None where nobody knows.
        refusal: why the call is not to be made; nothing is reserved then.
        shared: the budgets that the collector is still to be asked about, see `Keeper.conclude`.
        reservation: the id under which it may be reserved at the collector.
    """

    __slots__ = ("asked", "entries", "identity", "refusal", "reservation", "shared", "unsaid")

    def __init__(self, identity: Identity, asked: Decimal | None) -> None:
        self.identity = identity
        self.asked = asked
        self.entries: list[tuple[Book, Account]] = []
        self.refusal: BudgetExceededError | None = None
        self.shared: tuple[Budget, ...] = ()
        self.reservation: str | None = None
        #: What its shared budgets say as far as this process knows.
        self.unsaid: list[Overrun] = []


class Keeper:
    """Safe for threads and forks, bounded in memory; nothing is called out to while the lock is held.

    At most `capacity` accounts of each scope are kept. What the one that was idle longest had spent is then
    forgotten, and counted as a drop of ``budget_evicted``. The accounts of a period that is over go with it.

    Attributes:
        budgets: those in force.
    """

    def __init__(
        self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), capacity: int = 100_000
    ) -> None:
        self.budgets: tuple[Budget, ...] = ()
        self._clock = clock
        self._capacity = capacity
        self._books: dict[Scope, Book] = {}
        self._open: set[Hold] = set()
        # Re-entrant, because a signal handler of the host's may make a call at any instruction.
        self._lock = threading.RLock()
        _keepers.add(self)

    def use(self, budgets: tuple[Budget, ...]) -> None:
        """Have these budgets in force, in place of those before. Accounts of a scope that stays are kept."""
        with self._lock:
            for book in self._books.values():
                book.budgets = ()
            books: dict[Scope, Book] = {}
            for budget in dict.fromkeys(budgets):
                scope = budget.scope
                if scope not in books:
                    books[scope] = self._books.get(scope, Book(scope))
                books[scope].budgets += (budget,)
            self._books = books
            self.budgets = budgets

    def reserve(self, identity: Identity, asked: Decimal | None) -> Hold:
        """Reserve what a call is estimated at in all accounts that it is counted in, or refuse it.

        `asked`: in USD; None where nobody knows. What budgets say to a call that does not fit is done; of
        shared ones that is left to `conclude`.
        """
        hold = Hold(identity, asked)
        with self._lock:
            entries, evicted = self._entries(identity)
            overruns = [
                Overrun(budget, identity, account.spent, account.reserved, asked)
                for book, account in entries
                for budget in book.budgets
                if not budget.allows(account.spent, account.reserved, asked)
            ]
            if overruns:
                hold.unsaid = [overrun for overrun in overruns if overrun.budget.shared]
                overruns = [overrun for overrun in overruns if not overrun.budget.shared]
            if not overruns or _refused(overruns) is None:
                hold.shared = tuple(budget for book, _ in entries for budget in book.budgets if budget.shared)
                sums = [EXACT.add(account.reserved, asked or ZERO) for _, account in entries]
                # In this order: whoever is forked in between forgets what is reserved here.
                hold.entries = entries
                self._open.add(hold)
                for (_, account), reserved in zip(entries, sums, strict=True):
                    account.reserved = reserved
        _count(evicted)
        if overruns:
            self._say(hold, overruns)
        return hold

    def conclude(self, hold: Hold, said: list[Overrun] | None) -> None:
        """Do what the shared budgets of a hold say; `said` by the collector, None where it did not answer."""
        overruns = hold.unsaid if said is None else said
        hold.shared, hold.unsaid = (), []
        self._say(hold, overruns)

    def _say(self, hold: Hold, overruns: list[Overrun]) -> None:
        """Do what budgets say to a call that does not fit: refuse it, or tell of it."""
        refused = _refused(overruns)
        if refused is not None:
            hold.refusal = BudgetExceededError(refused)
            self.settle(hold.identity, hold, ZERO)
            return
        told = []
        with self._lock:
            accounts = {budget: account for book, account in hold.entries for budget in book.budgets}
            for overrun in overruns:
                used = EXACT.add(EXACT.add(overrun.spent, overrun.reserved), overrun.asked or ZERO)
                account = accounts.get(overrun.budget)
                rises = account is not None and account.rises(overrun.budget, used)
                if rises or overrun.budget.action != "warn":
                    told.append(overrun)
        try:
            for overrun in told:
                hold.refusal = hold.refusal or _tell(overrun)
        except BaseException:
            self.settle(hold.identity, hold, ZERO)
            raise
        if hold.refusal is not None:
            self.settle(hold.identity, hold, ZERO)

    def settle(self, identity: Identity, hold: Hold | None, amount: Decimal) -> None:
        """A call has ended, and cost `amount` (USD): it is spent, and what was reserved for it is free.

        It is spent where it was reserved, although another period has begun. `hold`: None for a call that
        nothing was reserved for; it is spent now. Once for each call.
        """
        overruns, evicted = [], 0
        with self._lock:
            if hold is None:
                entries, evicted = self._entries(identity)
            else:
                entries = hold.entries
            for book, account in entries:
                try:  # spent first: a child that is forked in between has both
                    account.spent = EXACT.add(account.spent, amount)
                finally:
                    if hold is not None:
                        account.reserved = EXACT.subtract(account.reserved, hold.asked or ZERO)
                overruns += [
                    Overrun(budget, identity, account.spent, account.reserved, ZERO)
                    for budget in book.budgets
                    if budget.action != "raise" and account.spent > budget.usd
                    if account.rises(budget, account.spent)
                ]
            if hold is not None:
                hold.entries, hold.shared = [], ()  # of one that is refused nobody is asked any more
                self._open.discard(hold)
        _count(evicted)
        for overrun in overruns:
            _tell(overrun)

    def _entries(self, identity: Identity) -> tuple[list[tuple[Book, Account]], int]:
        """The accounts that calls of `identity` are counted in now, and how many others made room."""
        entries, evicted = [], 0
        now = self._clock()
        for book in self._books.values():
            account, forgotten = book.account(identity, now, self._capacity)
            evicted += forgotten
            if account is not None:
                entries.append((book, account))
        return entries, evicted

    def _after_fork(self) -> None:
        # Another thread of the parent may have held the lock; the calls under way are the parent's.
        self._lock = threading.RLock()
        for hold in self._open:
            for _, account in hold.entries:
                account.reserved = ZERO
            # What is kept for them elsewhere is the parent's to settle.
            hold.entries, hold.shared, hold.reservation = [], (), None
        self._open = set()


def set_budgets(*budgets: Budget) -> None:
    """Have these budgets in force in this process, in place of those before; without any, none.

    What was spent stays known where one budget follows another that differs in its amount and action only.

    Raises:
        TypeError: an argument is no `Budget`.
    """
    for budget in budgets:
        if not isinstance(budget, Budget):
            raise TypeError(f"budgets must be infraprism.Budget, not {type(budget).__name__}")
    if any(budget.shared for budget in budgets):
        # Now, and not in the first call: a process that forks while a module loads never sees it loaded.
        from infraprism.sessions.budgets import sharing  # noqa: F401
    keeper.use(budgets)


def _refused(overruns: list[Overrun]) -> Overrun | None:
    return next((overrun for overrun in overruns if overrun.budget.action == "raise"), None)


def _count(evicted: int) -> None:
    if evicted:
        guard.drop("budget_evicted", "more sessions, entities or tags than are kept", evicted)


def _tell(overrun: Overrun) -> BudgetExceededError | None:
    """Do what the budget says to `overrun`; gives the refusal where that is one."""
    if overrun.budget.action != "warn":
        return _call(overrun)
    who = "/".join(part for part in overrun.budget.scope.key(overrun.identity) or () if part is not None)
    with contextlib.suppress(Exception):  # a log filter of the host's can fail
        guard.logger.warning("infraprism: %s; by %r", overrun, who)
    return None


@guard.guarded("budget_callback_failed")
def _call(overrun: Overrun) -> BudgetExceededError | None:
    action = overrun.budget.action
    try:
        if callable(action):
            action(overrun)
    except BudgetExceededError as refusal:
        return refusal
    return None


_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()


def _after_fork() -> None:
    for keeper in _keepers:
        keeper._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

#: The process's own.
keeper = Keeper()
