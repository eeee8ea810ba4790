"""What the first call loads, kept out of the host's way: out of its call, and out of its forks.

A child that is forked while another thread imports a module waits for ever for that module's lock. So a fork
waits until what is being loaded here is loaded.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from infraprism import guard
from infraprism.pricing import find

#: Seconds that a fork waits at most.
_PATIENCE = 10.0

_loading = threading.RLock()
_forking = threading.local()
_price_list: threading.Thread | None = None


@contextmanager
def once_at_a_time() -> Iterator[None]:
    """Load something in here: one thread at a time, and no fork in the middle."""
    with _loading:
        yield


@guard.guarded("telemetry_error")
def before_calls(_client: object = None) -> None:
    """Called once `openai` itself is loaded: load what its calls must not find half loaded.

    The price list brings httpx2. Each call of openai 2 looks for it among the loaded modules, and fails where
    another thread, ours, is just loading it.
    """
    if "openai._httpx2" in sys.modules:
        import httpx2  # noqa: F401


@guard.guarded("telemetry_error")
def start() -> None:
    """Load the price list while the first call waits for its reply, about 0.2 s once per process.

    A call that ends sooner waits for the rest, as any import does.
    """
    global _price_list
    if _price_list is None:
        _price_list = threading.Thread(target=_load, name="infraprism-price-list", daemon=True)
        _price_list.start()


@guard.guarded("telemetry_error")
def _load() -> None:
    find("openai", "gpt-4o", None, datetime.now(UTC))


def _before_fork() -> None:
    if _price_list is not None and _price_list is not threading.current_thread():
        _price_list.join(_PATIENCE)
    _forking.holds = _loading.acquire(timeout=_PATIENCE)


def _after_fork() -> None:
    if _forking.holds:
        _loading.release()


def _after_fork_in_child() -> None:
    global _loading
    _after_fork()
    if not _forking.holds:
        _loading = threading.RLock()  # whoever holds the old one is not in this process


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
