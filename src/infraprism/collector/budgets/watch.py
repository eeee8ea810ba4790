"""Finds budgets that were crossed, and has it told, beside the requests and never in their way.

Both go on where they were when the collector starts again: what is to be done follows from what is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from infraprism.collector.budgets import answers, webhooks
from infraprism.collector.budgets.periods import bounds
from infraprism.collector.budgets.webhooks import Signer
from infraprism.collector.store import budgets, crossings, spending
from infraprism.collector.store.crossings import Crossing, Due
from infraprism.collector.store.interface import Store

#: Seconds between two rounds, and how much longer than a round the pause after it is.
_PAUSE: Final = 1.0
_TIMES_A_ROUND: Final = 20
#: Seconds between two sweeps of what says nothing any more.
_SWEEP: Final = 30.0
#: Crossings of a budget that are found in one round, and that are read to be told.
_AT_ONCE: Final = 100
#: Seconds that a stop waits for a delivery.
_PATIENCE: Final = 12.0

_log = logging.getLogger(__name__)


class Watch:
    """Two threads over `store`: one looks, one tells.

    `signer`: None tells nobody. `allow_private`: webhooks may go to addresses that are not public.
    """

    def __init__(self, store: Store, signer: Signer | None, *, allow_private: bool) -> None:
        self._store = store
        self._signer = signer
        self._allow_private = allow_private
        self._stop = threading.Event()
        self._swept_at = 0.0
        self._threads = [
            threading.Thread(
                target=self._repeat, args=(work,), name=f"infraprism-budgets-{name}", daemon=True
            )
            for name, work in (("watch", self.look), ("webhooks", self.tell))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End, before the store is closed."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def look(self) -> None:
        """Record who has spent as much as a budget allows since this was done last."""
        now = time.time_ns()
        with self._store.reader() as connection:
            found = []
            for budget in budgets.definitions(connection):
                period = bounds(budget.period, now)
                for one in spending.spenders(connection, budget, period, now, _AT_ONCE, beyond=True):
                    found.append(Crossing.of(budget, one[:3], period[0], now, one.used))  # noqa: PERF401
            crossings.record(connection, found)
            if time.monotonic() - self._swept_at > _SWEEP:
                budgets.sweep(connection, now)
                self._swept_at = time.monotonic()
            connection.commit()

    def tell(self) -> None:
        """Send what is due. A receiver that does not take one message gets no other in this round."""
        if self._signer is None:
            return
        failed: set[str | None] = set()
        while not self._stop.is_set():
            failed_before = len(failed)
            # Without those: what waits for one who takes nothing must not keep others from theirs.
            with self._store.reader() as connection:
                told = [one for one in budgets.definitions(connection) if one.webhook_url not in failed]
                waiting = crossings.due(connection, told, time.time_ns(), _AT_ONCE)
            for due in waiting:
                if due.budget.webhook_url not in failed and not self._stop.is_set():
                    self._send(self._signer, due, failed)
            if len(failed) == failed_before:
                return

    def _send(self, signer: Signer, due: Due, failed: set[str | None]) -> None:
        """Send one message, keep what came back, and note in `failed` who does not take it."""
        url, budget_id = due.budget.webhook_url, due.budget.id
        assert url is not None
        assert budget_id is not None
        now = time.time_ns()
        body = answers.message(due)
        headers = signer.headers(budget_id, due.crossing.id, now // 10**9, body)
        is_taken, answer = webhooks.deliver(url, body, headers, allow_private=self._allow_private)
        if not is_taken:
            failed.add(url)
            _log.warning("the webhook of budget %s was not taken: %s", budget_id, answer)
        with self._store.reader() as connection:
            crossings.attempted(connection, due.crossing.id, now, answer, is_delivered=is_taken)
            connection.commit()

    def _repeat(self, work: Callable[[], None]) -> None:
        pause = _PAUSE
        while not self._stop.wait(pause):
            began = time.monotonic()
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the next round is another chance
                _log.error("budgets were not watched: %s", str(error).partition("\n")[0])
            pause = max(_PAUSE, (time.monotonic() - began) * (_TIMES_A_ROUND if work == self.look else 0))
