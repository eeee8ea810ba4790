"""Sessions in threads that the application starts itself: a new thread begins with an empty context."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Make `function` run in the context of this moment, whichever thread calls it, and however often."""
    context = contextvars.copy_context()

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        # A copy for each call, because a context runs one thing at a time.
        return context.copy().run(function, *args, **kwargs)

    return run
