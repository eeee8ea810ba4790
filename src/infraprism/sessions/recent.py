"""What was noted last, in bounded memory."""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The values that were noted last: of `size` keys at least, of twice as many at most.

    Two halves, of which the older is dropped whole: many threads at once, and forks, need no lock.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._newer: dict[Key, Value] = {}
        self._older: dict[Key, Value] = {}

    def note(self, key: Key, value: Value) -> None:
        """Remember `value` under `key`, in place of what was there."""
        if len(self._newer) >= self._size and key not in self._newer:
            self._newer, self._older = {}, self._newer
        self._newer[key] = value

    def get(self, key: Key) -> Value | None:
        """What was noted under `key`; None where it is forgotten."""
        value = self._newer.get(key)
        return self._older.get(key) if value is None else value
