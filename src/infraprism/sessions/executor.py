"""An executor whose threads have the session of whoever gives them work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from infraprism.sessions.carry import carry

P = ParamSpec("P")
R = TypeVar("R")


class CarryingExecutor(Executor):
    """An executor of threads whose every job runs in the context in which it was submitted.

    Args:
        executor: does the work, and is shut down with this one.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As the executor's own."""
        return self._executor.submit(carry(function), *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As the executor's own."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)
