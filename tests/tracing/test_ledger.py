"""Running totals: exact, bounded, safe for threads, forks and finalizers."""

import gc
import os
import subprocess
import sys
import threading
import tracemalloc
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism import guard
from infraprism.pricing import money
from infraprism.tracing import Ledger, Totals

ACME = ("customer", "acme", "conv-1")
GLOBEX = ("customer", "globex", "conv-1")
NOTHING = Totals(Decimal(0), 0)


def test_each_addition_gives_the_totals_with_it_included():
    ledger = Ledger()
    assert ledger.add(ACME, Decimal("0.0075"), turn=True) == Totals(Decimal("0.0075"), 1)
    assert ledger.add(ACME, Decimal("0.00002"), turn=False) == Totals(Decimal("0.00752"), 1)
    assert ledger.add(ACME, Decimal(0), turn=True) == Totals(Decimal("0.00752"), 2)
    assert ledger[ACME] == Totals(Decimal("0.00752"), 2)


def test_two_entities_with_one_session_id_are_two_sessions():
    ledger = Ledger()
    ledger.add(ACME, Decimal(1), turn=True)
    ledger.add(GLOBEX, Decimal(2), turn=True)
    assert (ledger[ACME], ledger[GLOBEX]) == (Totals(Decimal(1), 1), Totals(Decimal(2), 1))


def test_a_session_that_was_not_seen_has_nothing():
    assert Ledger()[ACME] == NOTHING


amounts = st.decimals(min_value=0, max_value=10**6, allow_nan=False, allow_infinity=False, places=12)
calls = st.lists(st.tuples(st.sampled_from([ACME, GLOBEX]), amounts, st.booleans()))


@given(calls, st.randoms())
def test_totals_are_the_sums_of_the_calls_in_any_order(calls, random):
    ledger, shuffled = Ledger(), Ledger()
    for key, amount, turn in calls:
        ledger.add(key, amount, turn=turn)
    for key, amount, turn in random.sample(calls, len(calls)):
        shuffled.add(key, amount, turn=turn)
    for key in (ACME, GLOBEX):
        own = [(amount, turn) for whose, amount, turn in calls if whose == key]
        expected = Totals(money.total(amount for amount, _ in own), sum(turn for _, turn in own))
        assert ledger[key] == shuffled[key] == expected


def test_the_session_idle_longest_makes_room_and_that_is_counted(monkeypatch, caplog):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())
    ledger = Ledger(capacity=2)
    one, two, three, four = (("customer", "acme", f"conv-{n}") for n in range(4))
    for key in (one, two, one, three):
        ledger.add(key, Decimal(1), turn=True)
    assert [ledger[key].turns for key in (one, two, three)] == [2, 0, 1]
    ledger.add(four, Decimal(1), turn=True)
    assert [ledger[key].turns for key in (one, two, three, four)] == [0, 0, 1, 1]
    assert guard.dropped() == {"session_total_evicted": 2}
    assert caplog.messages == [
        "infraprism: session_total_evicted (more than 2 sessions in this process);"
        " counted as dropped from now on"
    ]


def test_a_session_that_comes_back_has_a_floor_and_no_total_on_its_spans():
    ledger = Ledger(capacity=1)
    assert ledger.add(ACME, Decimal(1), turn=True).attributes() == {
        "infraprism.session.cost": "1",
        "infraprism.session.turns": 1,
    }
    assert ledger.add(GLOBEX, Decimal(2), turn=True) == Totals(Decimal(2), 1, floor=False)
    assert ledger.get(ACME) is None
    back = ledger.add(ACME, Decimal(3), turn=True)
    assert (back, back.attributes()) == (Totals(Decimal(3), 1, floor=True), {})
    assert ledger.add(ACME, Decimal(3), turn=True) == ledger[ACME] == Totals(Decimal(6), 2, floor=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((None, "a", "b"), ("", "a", "b")),
        (("a", None, "b"), ("a", "", "b")),
        (("ab", "c", "d"), ("a", "bc", "d")),
        (("a", "b", "cd"), ("a", "bc", "d")),
        ((None, None, "1 1 abc"), ("a", "b", "c")),
        (("a", "b\0", "c"), ("a", "b", "\0c")),
    ],
)
def test_no_two_sessions_share_a_total(one, other):
    ledger = Ledger()
    ledger.add(one, Decimal(1), turn=True)
    assert ledger.get(other) is None


@pytest.mark.parametrize(
    "amount", ["0", "0E-12", "1E+3", "1E-24", "12345678901234567890.000000000000000000000001"]
)
def test_what_is_kept_is_exact(amount):
    ledger = Ledger()
    ledger.add(ACME, Decimal(amount), turn=True)
    assert ledger[ACME].cost == Decimal(amount)


def test_a_session_takes_at_most_400_bytes_and_six_times_as_many_no_more_than_the_ceiling():
    entity = [f"customer-{number}" for number in range(100)]
    gc.collect()
    tracemalloc.start()
    try:
        ledger = Ledger(capacity=10_000)
        sizes = []
        for number in range(60_000):
            ledger.add(("customer", entity[number % 100], str(uuid.uuid4())), Decimal("0.0000246"), turn=True)
            if number + 1 in (10_000, 30_000, 60_000):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    full, later, last = sizes
    assert full / 10_000 < 400
    # Beside the set of what was evicted, nothing grows.
    assert last - later < 0.1 * full
    assert later - full < 8 * 2**20 + 0.2 * full


def test_threads_that_evict_lose_nothing_silently(monkeypatch):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())
    ledger = Ledger(capacity=50)
    floors = []

    def add(number):
        for turn in range(500):
            key = (None, None, f"{number} {turn}")
            first = ledger.add(key, Decimal(1), turn=True)
            second = ledger.add(key, Decimal(1), turn=True)
            if second.turns != 2 and not second.floor:
                floors.append((first, second))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert floors == []
    assert len(ledger._totals) == 50
    assert guard.dropped()["session_total_evicted"] >= 8 * 500 - 50


def test_an_amount_that_cannot_be_added_exactly_changes_nothing():
    ledger = Ledger()
    ledger.add(ACME, Decimal(1), turn=True)
    with pytest.raises(ArithmeticError):
        ledger.add(ACME, Decimal("1E-100"), turn=True)
    assert ledger.add(ACME, Decimal(1), turn=True) == Totals(Decimal(2), 2)


def test_threads_lose_nothing():
    ledger = Ledger()

    def add():
        for _ in range(2000):
            ledger.add(ACME, Decimal("0.000001"), turn=True)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger[ACME] == Totals(Decimal("0.016"), 16_000)


def test_a_finalizer_may_add_in_the_midst_of_an_addition():
    """Garbage collection runs whenever it likes, and ends the calls of streams that nobody reads any more."""
    ledger = Ledger()

    class AbandonedStream:
        def __del__(self):
            ledger.add(ACME, Decimal(2), turn=True)

    class CollectingTurn(int):
        def __radd__(self, turns):
            gc.collect()
            return turns + int(self)

    stream = AbandonedStream()
    stream.itself = stream
    del stream
    thread = threading.Thread(
        target=ledger.add, args=(ACME, Decimal(1)), kwargs={"turn": CollectingTurn(1)}, daemon=True
    )
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert ledger[ACME] == Totals(Decimal(3), 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_can_add_though_the_lock_was_held_at_the_fork():
    program = """
import os, signal, threading
from decimal import Decimal
from infraprism.tracing import Totals, process_ledger as ledger

key = ("customer", "acme", "conv-1")
ledger.add(key, Decimal(1), turn=True)
held, done = threading.Event(), threading.Event()

def hold():
    with ledger._lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    os._exit(0 if ledger.add(key, Decimal(2), turn=True) == Totals(Decimal(3), 2) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=30, check=True
    )
    assert done.stdout == "0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_knows_what_its_parent_forgot():
    program = """
import os
from decimal import Decimal
from infraprism.tracing import Ledger

ledger = Ledger(capacity=1)
for session in ("one", "two"):
    ledger.add((None, None, session), Decimal(1), turn=True)
child = os.fork()
if child == 0:
    back, new = (ledger.add((None, None, session), Decimal(1), turn=True) for session in ("one", "three"))
    os._exit(0 if (back.floor, new.floor) == (True, False) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=30, check=True
    )
    assert done.stdout == "0\n"
