"""What accounts have used, as it was read a moment ago and has changed since: most calls need no query.

What is read counts for a second. In that time every reservation and settlement is added here as it is stored,
so nothing that is held can be missed; calls that nobody reserved are seen when the account is read again. It
holds because one collector has the database: where several share one, `fresh` is 0, and it is always read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from infraprism.collector.budgets.definitions import Account, Spender
from infraprism.collector.store import spending
from infraprism.collector.store.budgets import Reservation, Settlement
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.spending import Used
from infraprism.pricing import money

#: Seconds for which what was read counts.
FRESH: Final = 1.0


class _Open(NamedTuple):
    spender: Spender
    amount: Decimal
    started_at: int
    expires_at: int


class Known:
    """Belongs to the one thread that reserves."""

    def __init__(self, fresh: float = FRESH) -> None:
        self._fresh = fresh
        #: The oldest first, and so are the open reservations.
        self._read_at: dict[Account, float] = {}
        self._used: dict[Account, Used] = {}
        self._open: dict[str, _Open] = {}

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """These were stored."""
        for settlement in settlements:
            found = self._open.pop(settlement.reservation_id, None)
            if found is None:  # told twice, or made before this collector started
                self._forget_all()
                continue
            spent = money.ZERO if settlement.trace_id is None else settlement.amount or money.ZERO
            self._add(found, spent, -found.amount)

    def reserved(self, reservation: Reservation) -> None:
        """This one was stored, and holds."""
        opened = _Open(reservation.spender, *reservation[2:])
        self._open[reservation.id] = opened
        self._add(opened, money.ZERO, opened.amount)

    def read(
        self,
        connection: Connection,
        accounts: Sequence[Account],
        now: int,
        apart: Sequence[str],
    ) -> None:
        """Have all these accounts known, those that are not by asking the store; without what is `apart`."""
        moment = time.monotonic()
        for account, at in [*self._read_at.items()]:
            if moment - at < self._fresh:
                break
            del self._read_at[account], self._used[account]
        for reservation_id, opened in [*self._open.items()]:
            if opened.expires_at > now:
                break
            del self._open[reservation_id]
        missing = [account for account in accounts if account not in self._used]
        if missing:
            self._used |= spending.used(connection, missing, now, apart)
            self._read_at |= dict.fromkeys(missing, moment)

    def __getitem__(self, account: Account) -> Used:
        return self._used[account]

    def forget(self) -> None:
        """Nothing is known any more: something may have been stored, or not."""
        self._forget_all()
        self._open = {}

    def _forget_all(self) -> None:
        self._read_at, self._used = {}, {}

    def _add(self, opened: _Open, spent: Decimal, reserved: Decimal) -> None:
        for account, used in self._used.items():
            if account.since <= opened.started_at < account.until and account.counts(opened.spender):
                self._used[account] = Used(
                    money.EXACT.add(used.spent, spent),
                    money.EXACT.add(used.reserved, reserved),
                    used.unpriced_calls,
                )
