"""What is made once for each of OpenTelemetry's providers: a logger, a histogram."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Provider = TypeVar("_Provider")
_Made = TypeVar("_Made")
_REMEMBERED = 4


class OncePerProvider(Generic[_Provider, _Made]):
    """Makes something for a provider where it is not made yet; remembers that of the last few.

    A provider is known by its identity: those around the SDK's need not be hashable.
    """

    def __init__(self, make: Callable[[_Provider], _Made]) -> None:
        self._make = make
        self._made: dict[int, tuple[_Provider, _Made]] = {}

    def of(self, provider: _Provider) -> _Made:
        """What there is for `provider`."""
        found = self._made.get(id(provider))
        if found is None:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            # It is kept with the provider, whose id so stays its own.
            found = self._made[id(provider)] = provider, self._make(provider)
        return found[1]

    def __bool__(self) -> bool:
        """Whether anything was made yet."""
        return bool(self._made)
