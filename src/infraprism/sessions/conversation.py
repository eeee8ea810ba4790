"""A session as an object, for conversations: its id lasts while it is in use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import TracebackType

from infraprism.sessions.context import identity_in, session
from infraprism.sessions.identity import Id, identify
from infraprism.sessions.life import Life
from infraprism.sessions.living import Slot, living


class Session:
    """A conversation: a session that begins when it is first used, and is over when it is idle for too long.

    As ``with`` and ``async with`` it is a block as `infraprism.session` is, for one turn or for many: leaving
    it does not end the session. Or give its `id` to the call. After the end, the next use begins a new
    session. Threads and tasks may share one.

    Args:
        session_id: of the first session; by default a random UUID, as for all others.
        entity_type: who the cost belongs to; where nothing is said, whom the first use was for.
        entity_id: which one.
        tags: small labels, str to str.
        timeout: seconds without any use after which it is over, the time in which the machine sleeps
            included; None for never.

    Raises:
        TypeError, ValueError: at once, naming the argument that is wrong.
    """

    def __init__(
        self,
        *,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = 3600,
        session_id: Id | None = None,
    ) -> None:
        if timeout is not None:
            if isinstance(timeout, bool) or not isinstance(timeout, int | float):
                raise TypeError(f"timeout must be a number of seconds, not {type(timeout).__name__}")
            if math.isnan(timeout) or timeout <= 0:
                raise ValueError("timeout must be more than 0 seconds")
        self._slot = Slot(identify(session_id, entity_type, entity_id, tags), timeout)
        self._entered: list[tuple[Life, session]] = []

    @property
    def id(self) -> str:
        """The id of the session; asking for it is a use."""
        life, _ = living.use(self._slot)
        assert life.identity.session_id is not None
        return life.identity.session_id

    @property
    def previous_id(self) -> str | None:
        """The id of the session before this one, or before the next one after the end; None for the first."""
        return self._slot.previous_id

    def touch(self) -> None:
        """Use it: it is not idle now."""
        living.use(self._slot)

    def end(self) -> None:
        """End the session, if one has begun: for the conversation is over."""
        living.end(self._slot)

    #: For `contextlib.closing`, whose block ends the session.
    close = end

    def __enter__(self) -> Session:
        """Enter a block in the session."""
        life, block = living.use(self._slot, enter=True)
        self._entered.append((life, block))
        block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the block; the session goes on."""
        # Threads and tasks may be in blocks of several sessions of this object: each leaves what it is in.
        inside = identity_in().session_id
        latest_first = self._entered[::-1]
        entered = next((e for e in latest_first if e[0].identity.session_id == inside), latest_first[0])
        self._entered.remove(entered)
        life, block = entered
        living.leave(life)
        block.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Session:
        """As `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`."""
        self.__exit__(kind, error, traceback)
