"""Keeps telemetry's own failures away from the host application: count, log once, go on.

Everything InfraPrism runs inside the host is entered through `guarded`. A failure in it never reaches the
host, and its log line names the place and the kind of error only: an exception's message can quote content.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

logger = logging.getLogger("infraprism")

P = ParamSpec("P")
R = TypeVar("R")

# Re-entrant, because garbage collection may end an abandoned stream, and lose something, at any instruction.
_lock = threading.RLock()
_dropped: Counter[str] = Counter()


def _after_fork() -> None:
    global _lock
    # A lock that another thread held at the fork is never released in the child.
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def guarded(reason: str) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Make a function safe to call from the host: an exception in it becomes None and a drop of `reason`.

    `KeyboardInterrupt`, `SystemExit` and task cancellation are the host's own and pass through.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R | None]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the one place where every failure stops
                failed(reason, error)
                return None

        return run

    return decorate


def failed(reason: str, error: Exception) -> None:
    """Count what `guarded` would have, for code that runs too often to be wrapped in one function more."""
    drop(reason, f"{type(error).__name__} at {_place(error.__traceback__)}")


def drop(reason: str, detail: str, count: int = 1, level: int = logging.WARNING) -> None:
    """Count `count` things lost under `reason`, and log the first of its kind as a warning.

    Args:
        reason: one of the documented reasons, e.g. ``telemetry_error``.
        detail: what happened, free of the host's content.
        level: of the log record, for what the host may well mean to lose.
    """
    with _lock:
        before = _dropped[reason]
        _dropped[reason] = before + count
    if not before:
        with contextlib.suppress(Exception):  # a log filter of the host's can fail
            logger.log(level, "infraprism: %s (%s); counted as dropped from now on", reason, detail)


def dropped() -> dict[str, int]:
    """How often each reason occurred in this process."""
    with _lock:
        return dict(_dropped)


def _place(traceback: TracebackType | None) -> str:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "an unknown place"
    return f"{os.path.basename(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}"
