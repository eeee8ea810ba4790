"""Holds calls against budgets: what each may cost is reserved first, and only then looked at.

    reserve() ─► waits ─► INSERT all that wait, COMMIT ─► who has spent how much, theirs included ─► answered
                 what arrives together is committed together, and answered one after the other

Because a reservation is stored before it is checked, two collectors on one database never let two calls
through where there is room for one. They may both refuse, where each has seen what the other holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

import anyio

from infraprism.collector.budgets.definitions import Account, Budget, Spender
from infraprism.collector.budgets.known import FRESH, Known
from infraprism.collector.store import budgets, crossings
from infraprism.collector.store.budgets import Reservation, Settlement
from infraprism.collector.store.interface import Store
from infraprism.collector.store.spending import Used
from infraprism.pricing import money

#: Seconds after which the reservation of a call whose end nobody told counts no more.
EXPIRES_SECONDS: Final = 900
#: Reservations and settlements that are committed together; and that may wait.
_GROUP: Final = 64
WAITING: Final = 2_000
#: Crossings that are known to be stored.
_REMEMBERED: Final = 10_000


class BusyError(Exception):
    """Too many wait already; ask again later."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that is about to be made. `amount`: USD; None where nobody knows what it costs."""

    id: str
    spender: Spender
    amount: Decimal | None
    budgets: tuple[Budget, ...]


class Overrun(NamedTuple):
    """A budget that a call does not fit into, and what was spent and reserved by others until then."""

    budget: Budget
    #: Its place among those that came with the call; None of one of the collector's own.
    place: int | None
    account: Account
    used: Used


class Answer(NamedTuple):
    """What budgets say to a call; it is reserved where none refuses."""

    is_allowed: bool
    expires_at: int
    overruns: tuple[Overrun, ...]


_Item = tuple[Ask | Settlement, "asyncio.Future[Answer | None]"]


class Desk:
    """Belongs to the event loop; its queries run on one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Item] = []
        self._is_open = False
        self._known = Known(0 if store.is_shared else FRESH)
        #: Ids of crossings that are stored.
        self._crossed: set[str] = set()

    async def reserve(self, ask: Ask) -> Answer:
        """Reserve what a call may cost, unless a budget refuses. Raises `BusyError`, `CannotAnswerError`."""
        answer = await self._queue(ask)
        assert answer is not None
        return answer

    async def settle(self, settlement: Settlement) -> None:
        """Keep what became of a reservation, durably. Raises `BusyError`, `CannotAnswerError`."""
        await self._queue(settlement)

    async def _queue(self, what: Ask | Settlement) -> Answer | None:
        if len(self._waiting) >= WAITING:
            raise BusyError("too many reservations wait; ask again later")
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((what, future))
        if not self._is_open:
            self._is_open = True
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        limiter = anyio.CapacityLimiter(1)
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
                try:
                    answers = await anyio.to_thread.run_sync(
                        self._handle, [what for what, _ in group], limiter=limiter
                    )
                except Exception as error:  # noqa: BLE001 - whoever waits is told, and the next group is served
                    for _, future in group:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(group, answers, strict=True):
                    if not future.done():  # its sender may have left
                        future.set_result(answer)
        finally:
            self._is_open = False

    def _handle(self, group: Sequence[Ask | Settlement]) -> list[Answer | None]:
        try:
            return self._handled(group)
        except BaseException:
            self._known.forget()
            raise

    def _handled(self, group: Sequence[Ask | Settlement]) -> list[Answer | None]:
        now = time.time_ns()
        asks = [what for what in group if isinstance(what, Ask)]
        settlements = [what for what in group if isinstance(what, Settlement)]
        expires_at = now + EXPIRES_SECONDS * 10**9
        rows = [Reservation(ask.id, ask.spender, ask.amount or money.ZERO, now, expires_at) for ask in asks]
        with self._store.reader() as connection:
            budgets.reserve(connection, rows)
            budgets.settle(connection, settlements)
            connection.commit()
        self._known.settled(settlements)
        decided = iter(self._decide(asks, rows, now) if asks else ())
        return [next(decided) if isinstance(what, Ask) else None for what in group]

    def _decide(self, asks: Sequence[Ask], rows: Sequence[Reservation], now: int) -> list[Answer]:
        with self._store.reader() as connection:
            own = budgets.definitions(connection)
            counted = [_counted(ask, own, now) for ask in asks]
            accounts = [account for found in counted for _, _, account in found]
            self._known.read(connection, accounts, now, apart=[ask.id for ask in asks])
            answers: list[Answer] = []
            for ask, row, found in zip(asks, rows, counted, strict=True):
                overruns = []
                for budget, place, account in found:
                    used = self._known[account]
                    if not _fits(budget, used, ask.amount):
                        overruns.append(Overrun(budget, place, account, used))
                allowed = all(overrun.budget.action != "raise" for overrun in overruns)
                if allowed:
                    self._known.reserved(row)
                answers.append(Answer(allowed, row.expires_at, tuple(overruns)))
            refused = [ask.id for ask, answer in zip(asks, answers, strict=True) if not answer.is_allowed]
            budgets.settle(connection, [Settlement(id_, now) for id_ in refused])
            crossed = [
                crossings.Crossing.of(
                    overrun.budget, overrun.account[1:4], overrun.account.since, now, overrun.used
                )
                for answer in answers
                for overrun in answer.overruns
                if overrun.place is None
            ]
            crossed = [crossing for crossing in crossed if crossing.id not in self._crossed]
            crossings.record(connection, crossed)
            if refused or crossed:
                connection.commit()
        if len(self._crossed) > _REMEMBERED:
            self._crossed.clear()
        self._crossed.update(crossing.id for crossing in crossed)
        return answers


def _counted(ask: Ask, own: Sequence[Budget], now: int) -> list[tuple[Budget, int | None, Account]]:
    """The budgets that count a call, with their places, and the accounts in which they do."""
    found: list[tuple[Budget, int | None, Account]] = []
    for place, budget in [*enumerate(ask.budgets), *((None, budget) for budget in own)]:
        account = budget.account(ask.spender, now)
        if account is not None:
            found.append((budget, place, account))
    return found


def _fits(budget: Budget, used: Used, asked: Decimal | None) -> bool:
    """As in a process: what costs nothing always fits, what nobody knows while there is something left."""
    taken = money.EXACT.add(used.spent, used.reserved)
    if asked is None:
        return taken < budget.amount
    return not asked or money.EXACT.add(taken, asked) <= budget.amount
