"""Running code in a context of its own, step by step."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any


class Flow:
    """A copy of the current context, in which a block is entered that somebody else leaves later.

    As a task does, what runs in it keeps its context, whichever thread takes the next step, and nothing of it
    is seen outside.
    """

    def __init__(self, block: AbstractContextManager[Any]) -> None:
        self._block = block
        self.context: Context = copy_context()
        self.context.run(block.__enter__)

    def leave(self, error: BaseException | None = None) -> None:
        """Leave the block, with the exception that ended it, if one did."""
        kind, traceback = (None, None) if error is None else (type(error), error.__traceback__)
        self.context.run(self._block.__exit__, kind, error, traceback)


class Steps(Generator[Any, Any, Any]):
    """A generator, or an awaitable's, of which each step runs in `context`."""

    def __init__(self, context: Context, steps: Any) -> None:
        self._run = context.run
        self._steps = steps

    def send(self, value: Any) -> Any:
        """Take the next step."""
        return self._run(self._steps.send, value)

    def throw(
        self,
        kind: Any,
        error: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        """Take the next step with an exception."""
        return self._run(self._steps.throw, kind if error is None else error)

    def close(self) -> None:
        """Take no further step."""
        self._run(self._steps.close)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self
