"""Which sessions may have lost their totals: a set of fixed size that forgets none and may name too many."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

#: Of 10,000,000 sessions in it, 1 in 25 others is taken for one of them; of 1,000,000, 1 in 90,000.
_BYTES = 8 * 2**20
_BITS = _BYTES * 8
_PROBES = 4


class Evicted:
    """What was added is in it for good (a Bloom filter); of what was not, a few are, too.

    Takes its 8 MiB at the first addition. Python's hashes hold in one process and its forks.
    """

    def __init__(self) -> None:
        self._bits: bytearray | None = None

    def add(self, key: Hashable) -> None:
        """Put a key in."""
        bits = self._bits
        if bits is None:
            bits = self._bits = bytearray(_BYTES)
        for bit in _probes(key):
            bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, key: Hashable) -> bool:
        bits = self._bits
        return bits is not None and all(bits[bit >> 3] & 1 << (bit & 7) for bit in _probes(key))


def _probes(key: Hashable) -> Iterator[int]:
    first = hash(key)
    step = (first >> 32) | 1
    return ((first + number * step) % _BITS for number in range(_PROBES))
