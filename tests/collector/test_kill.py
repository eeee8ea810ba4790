"""SIGKILL at random moments under load: what was acknowledged is there, once, and the sums are exact.

`KILL_ROUNDS=100` kills a hundred times.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from decimal import Decimal
from pathlib import Path

import duckdb

from tests.cli.test_serve import Served, serve
from tests.support.otlp import make_call

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
SENDERS = 4
BATCH = 20


def amount(number: int) -> Decimal:
    return Decimal(number) / 10**9


class Sender(threading.Thread):
    """Sends batches of calls of its own until nobody answers; what it got no answer for comes again."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.next = number * 10**7 + 1
        self.acknowledged: set[int] = set()
        self.served: Served
        self.unanswered: list[int] = []

    def run(self) -> None:
        while True:
            numbers = self.unanswered or list(range(self.next, self.next + BATCH))
            self.next = max(self.next, numbers[-1] + 1)
            self.unanswered = numbers
            spans = [
                make_call(number, {"infraprism.cost.amount": f"{amount(number):f}"}) for number in numbers
            ]
            try:
                if self.served.send(*spans) != 200:
                    continue
            except (OSError, http.client.HTTPException):
                return
            self.acknowledged.update(numbers)
            self.unanswered = []


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    pause = random.Random(0)
    acknowledged: set[int] = set()
    sent: set[int] = set()
    left = [(number, number * 10**7 + 1, list[int]()) for number in range(SENDERS)]
    for _ in range(ROUNDS):
        with serve(tmp_path) as served:
            senders = []
            for number, following, unanswered in left:
                sender = Sender(number)
                sender.served, sender.next, sender.unanswered = served, following, unanswered
                senders.append(sender)
                sender.start()
            time.sleep(pause.uniform(0.05, 0.8))
            served.process.kill()
            for sender in senders:
                sender.join(30)
                assert not sender.is_alive()
        for sender in senders:
            acknowledged |= sender.acknowledged
            sent |= {*sender.acknowledged, *sender.unanswered}
        left = [(number, sender.next, sender.unanswered) for number, sender in enumerate(senders)]

    with serve(tmp_path) as served:
        assert served.sessions()[0]["session_id"] == "s-1"
        assert served.stop() == (0, "")
    with duckdb.connect(tmp_path / "infraprism.duckdb", read_only=True) as connection:
        stored = [
            int(span_id, 16) for (span_id,) in connection.execute("SELECT span_id FROM calls").fetchall()
        ]
        total = connection.execute("SELECT sum(amount) FROM calls").fetchone()
    assert len(acknowledged) > ROUNDS * BATCH
    assert acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))
    assert set(stored) <= sent
    assert total == (sum(map(amount, stored)),)
    print(f"{ROUNDS} kills, {len(acknowledged)} calls acknowledged, {len(stored)} stored")
