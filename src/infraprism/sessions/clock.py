"""The clock of inactivity: never set back, and going on while the machine sleeps where the system has one."""

from __future__ import annotations

import time


def _which() -> int | None:
    # Linux stops its monotonic clock in sleep, and has this one beside it. macOS stops what
    # `time.monotonic` reads, but not CLOCK_MONOTONIC. On Windows `time.monotonic` goes on.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        clock: int | None = getattr(time, name, None)
        if clock is not None:
            try:
                time.clock_gettime(clock)
            except OSError:
                continue
            return clock
    return None


_CLOCK = _which()


def now() -> float:
    """Seconds since some moment."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)
