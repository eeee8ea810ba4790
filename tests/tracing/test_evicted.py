"""The set of what may have been forgotten: it forgets nothing itself, and seldom names too many."""

import random

from infraprism.tracing.evicted import Evicted


def test_what_was_added_is_in_it_and_hardly_anything_else():
    evicted = Evicted()
    assert "session 0" not in evicted
    for number in range(100_000):
        evicted.add(f"session {number}")
    assert all(f"session {number}" in evicted for number in range(100_000))
    assert sum(f"another {number}" in evicted for number in range(100_000)) <= 5


def test_half_full_of_bits_it_still_tells_most():
    """As after 10,000,000 sessions: 4 probes in 2**26 bits set 45 % of them."""
    evicted = Evicted()
    evicted.add("one")
    evicted._bits[:] = random.Random(1).randbytes(len(evicted._bits))  # 50 %
    found = sum(f"another {number}" in evicted for number in range(20_000))
    assert 0.05 < found / 20_000 < 0.075  # a 16th
