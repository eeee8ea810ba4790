"""Session and entity on the application's own log records."""

from __future__ import annotations

import logging
import threading
from collections.abc import MutableMapping
from typing import Any

from infraprism import guard
from infraprism.sessions.context import identity_in
from infraprism.sessions.identity import NOBODY, Identity


class _Asking(threading.local):
    now = False


_asking = _Asking()


class SessionLogFilter(logging.Filter):
    """Puts ``session_id``, ``entity_type`` and ``entity_id`` on each record, None where there is none.

    Meant for a handler: filters of a logger do not see the records of the loggers below it. It lets every
    record through and leaves what the application has set.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the record."""
        for name, value in _known():
            if name not in record.__dict__:
                record.__dict__[name] = value
        return True


def structlog_processor(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor for structlog: adds ``session_id``, ``entity_type`` and ``entity_id`` where there are any.

    It leaves what the application has bound.
    """
    for name, value in _known():
        if value is not None:
            event_dict.setdefault(name, value)
    return event_dict


def _known() -> tuple[tuple[str, str | None], ...]:
    identity = _identity() or NOBODY
    return (
        ("session_id", identity.session_id),
        ("entity_type", identity.entity_type),
        ("entity_id", identity.entity_id),
    )


@guard.guarded("telemetry_error")
def _identity() -> Identity | None:
    if _asking.now:  # finding it out can itself log
        return None
    _asking.now = True
    try:
        return identity_in()
    finally:
        _asking.now = False
