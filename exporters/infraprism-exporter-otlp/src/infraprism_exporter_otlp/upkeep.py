"""What is done for the spools of processes that have died: they are adopted, and kept within the limit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infraprism_exporter_otlp import homes
from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.homes import Home
from infraprism_exporter_otlp.outbox import DAMAGED, Outbox

#: Where records wait that a server did not let in: for a process that starts later, or an operator.
HELD: Final = "held"


def adopt_next(folder: Path, *, held: bool) -> Home | None:
    """The oldest spool of a dead process, now this one's; None where there is none.

    Args:
        held: also of those that a server did not let in.
    """
    for place in (folder, folder / HELD) if held else (folder,):
        for path in homes.siblings(place):
            home = homes.adopt(path)
            if home is not None:
                return home
    return None


def keep_limit(folder: Path, limit: int, own: Outbox | None, counts: Counts) -> None:
    """Drop the oldest where all the files of a folder are larger than `limit` together.

    First what was damaged, then what dead processes have left, then this process's own; another's that
    lives drops its own.
    """
    over = size_of(folder) - limit
    for path in sorted(folder.glob(f"**/{DAMAGED}/*")):
        if over <= 0:
            return
        with contextlib.suppress(OSError):
            over -= path.stat().st_size
            path.unlink()
    for outbox in _dead(folder, counts):
        with outbox.lock:
            while over > 0 and (freed := outbox.drop_oldest()) is not None:
                over -= freed
        outbox.home.release(remove=True)
        if over <= 0:
            return
    if own is not None:
        with own.lock:
            while over > 0 and (freed := own.drop_oldest()) is not None:
                over -= freed


def size_of(folder: Path) -> int:
    """Bytes of all that is in a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size if path.is_file() else 0
    return total


def _dead(folder: Path, counts: Counts) -> Iterator[Outbox]:
    for place in (folder / HELD, folder):
        for path in homes.siblings(place):
            home = homes.adopt(path)
            if home is not None:
                yield Outbox(home, counts, is_own=False)
