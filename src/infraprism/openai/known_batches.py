"""The batches that this process has seen, by the files they left."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from datetime import datetime
from typing import Any, NamedTuple

from infraprism.openai import late
from infraprism.pricing.usage import getter

#: Files remembered; beyond that the one seen longest ago is forgotten.
_REMEMBERED = 4096


class Batch(NamedTuple):
    """What a batch says of the calls in its files; None where it does not say."""

    id: str | None = None
    #: As ``/v1/chat/completions``.
    endpoint: str | None = None
    model: str | None = None
    began: datetime | None = None
    ended: datetime | None = None


#: A batch about which nothing is known.
UNKNOWN = Batch()

_lock = threading.Lock()
_by_file: OrderedDict[str, Batch] = OrderedDict()
#: Files whose calls have all been recorded.
_read: OrderedDict[str, None] = OrderedDict()


def note(source: Any) -> None:
    """Take note of a batch, the client's object or plain JSON."""
    get = getter(source)
    files = [get(source, name, None) for name in ("output_file_id", "error_file_id")]
    known = [file_id for file_id in files if isinstance(file_id, str) and file_id]
    if not known:
        return
    batch = Batch(
        _text(get(source, "id", None)),
        _text(get(source, "endpoint", None)),
        _text(get(source, "model", None)),
        late.time_of(get(source, "in_progress_at", None)),
        late.time_of(get(source, "completed_at", None)),
    )
    with _lock:
        for file_id in known:
            _remember(_by_file, file_id, batch)


def of_file(file_id: str | None) -> Batch | None:
    """The batch that left a file; None where none is known to."""
    return None if file_id is None else _by_file.get(file_id)


def read(file_id: str) -> None:
    """Take note that every call of a file has been recorded."""
    with _lock:
        _remember(_read, file_id, None)


def is_read(file_id: str | None) -> bool:
    """Whether every call of a file has been recorded."""
    return file_id is not None and file_id in _read


def _remember(table: OrderedDict[str, Any], file_id: str, value: Any) -> None:
    table[file_id] = value
    table.move_to_end(file_id)
    if len(table) > _REMEMBERED:
        table.popitem(last=False)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
