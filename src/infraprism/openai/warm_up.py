"""Loads the price list while the first call waits for its reply, so that the call does not wait for the list.

Loading takes about 0.2 s, once per process. A call that ends sooner waits for the rest, as any import does.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime

from infraprism import guard
from infraprism.pricing import Usage, price

_loader: threading.Thread | None = None


@guard.guarded("telemetry_error")
def start() -> None:
    """Begin loading, unless it has begun."""
    global _loader
    if _loader is None:
        _loader = threading.Thread(target=_load, name="infraprism-price-list", daemon=True)
        _loader.start()


@guard.guarded("telemetry_error")
def _load() -> None:
    price(Usage(1, 1), provider="openai", model="gpt-4o", service_tier=None, at=datetime.now(UTC))


def _wait() -> None:
    # A child forked in the middle would wait for ever for the lock of a module that nobody loads any more.
    if _loader is not None and _loader is not threading.current_thread():
        _loader.join(timeout=10)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait)
