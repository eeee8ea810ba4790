"""The life of one session of a `Session` object, and who is told that it began or is over."""

from __future__ import annotations

from collections.abc import Callable

from infraprism import guard
from infraprism.sessions.identity import Identity

_started: list[Callable[[Identity, str | None], None]] = []
_ended: list[Callable[[Identity], None]] = []


def on_started(callback: Callable[[Identity, str | None], None]) -> None:
    """Have `callback` called with each session that begins, and the id of the one before it, if any."""
    _started.append(callback)


def on_ended(callback: Callable[[Identity], None]) -> None:
    """Have `callback` called with each session that is over, once."""
    _ended.append(callback)


class Life:
    """One session, from its first use to its end."""

    __slots__ = ("entered", "identity", "is_ours", "is_over", "last_use", "timeout")

    def __init__(self, identity: Identity, timeout: float | None) -> None:
        self.identity = identity
        #: Seconds without any use after which it is over.
        self.timeout = timeout
        #: How many blocks of it are open: meanwhile it is in use.
        self.entered = 0
        self.last_use = 0.0
        self.is_over = False
        #: False in a child process, for what its parent began and will end.
        self.is_ours = True

    @property
    def key(self) -> tuple[str | None, ...]:
        """What makes it one session: entity and id."""
        return self.identity[:3]

    def is_idle(self, now: float) -> bool:
        """Whether its time is out."""
        return self.timeout is not None and not self.entered and now - self.last_use > self.timeout

    def tell_started(self, previous_id: str | None) -> None:
        """Tell that it began."""
        for callback in _started:
            guard.guarded("telemetry_error")(callback)(self.identity, previous_id)

    def tell_ended(self) -> None:
        """Tell that it is over, if that is this process's to tell."""
        if self.is_ours:
            for callback in _ended:
                guard.guarded("telemetry_error")(callback)(self.identity)
