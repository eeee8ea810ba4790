"""A memory of what was noted last, of limited size."""

from __future__ import annotations

from typing import Any


class Recent:
    """What was noted last, `size` items at least.

    Two halves, of which the older is dropped whole: what many threads do at once needs no lock.
    """

    def __init__(self, size: int = 2048) -> None:
        self._size = size
        self._newer: dict[Any, Any] = {}
        self._older: dict[Any, Any] = {}

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self._newer) >= self._size:
            self._newer, self._older = {}, self._newer
        self._newer[key] = value

    def get(self, key: Any) -> Any:
        """What was noted under `key`, or None."""
        return self._newer.get(key) or self._older.get(key)
