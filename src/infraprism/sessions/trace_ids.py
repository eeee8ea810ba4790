"""Sessions map to traces: the calls of a session that no other span encloses share one trace.

The trace id is a keyed hash of entity and session, so that every process of an application arrives at the
same id without asking, and the id does not reveal what it was made of (set `INFRAPRISM_TRACE_KEY` to a
secret where session ids can be guessed). Only root spans of our own tracers get it; the sampler decides as it
would for any id.

A long session goes on in another trace, its next generation, whose id is of the same making.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from infraprism import settings
from infraprism.sessions.identity import Identity
from infraprism.sessions.recent import Recent

_NO_KEY = b"infraprism"
_HOUR = 3_600_000_000_000
#: Sessions whose calls are counted; one that is forgotten begins again with its first trace.
_REMEMBERED = 16_384


class _Starting(threading.local):
    #: The trace id for the root span, or None for a random one.
    trace_id: int | None = None
    #: The attributes that the span is given, where all are plain and nobody changes them.
    attributes: Mapping[str, Any] | None = None


#: Of the span that this thread is about to start.
starting = _Starting()


class Generation(NamedTuple):
    """Which of its traces a session is in.

    Attributes:
        age: whole periods of `INFRAPRISM_TRACE_MAX_HOURS` since 1970, in UTC: all that processes which have
            not seen the session start can agree on. 0 where there is no such limit.
        size: how often this process has counted `INFRAPRISM_TRACE_MAX_CALLS` calls of the session.
    """

    age: int = 0
    size: int = 0


_FIRST = Generation()


def trace_id_of(identity: Identity, generation: Generation = _FIRST) -> int | None:
    """The trace id (128 bits, never 0) of a session; None where there is no session."""
    if identity.session_id is None:
        return None
    return _derive(identity.entity_type, identity.entity_id, identity.session_id, *generation)


def next_trace_id(identity: Identity, start_time: int | None = None) -> int | None:
    """The trace id for a root span of a session that is about to start, which is counted.

    `start_time`: Unix nanoseconds, by default now. None where there is no session.
    """
    if identity.session_id is None:
        return None
    known = settings.current()
    age = 0
    if known.trace_max_hours is not None:
        now = time.time_ns() if start_time is None else start_time
        age = now // (known.trace_max_hours * _HOUR)
    return trace_id_of(identity, Generation(age, count(identity) // known.trace_max_calls))


def count(identity: Identity) -> int:
    """Count a call that goes to its session's trace; gives how many did before, in this process."""
    session = identity.session
    before = _counted.get(session) or 0
    _counted.note(session, before + 1)
    return before


_counted: Recent[tuple[str | None, str | None, str | None], int] = Recent(_REMEMBERED)


@lru_cache(maxsize=1024)
def _derive(
    entity_type: str | None, entity_id: str | None, session_id: str, age: int = 0, size: int = 0
) -> int:
    secret = settings.current().trace_key
    # A key longer than the hash's limit of 64 bytes is hashed first, as HMAC does.
    key = _NO_KEY if secret is None else blake2b(secret.encode("utf-8", "surrogateescape")).digest()
    digest = blake2b(digest_size=16, key=key, person=b"infraprism.trace")
    for field in (entity_type, entity_id, session_id):
        # The length in front keeps ("a", "bc") and ("ab", "c") apart; None is told from every text.
        written = b"" if field is None else field.encode()
        digest.update((-1 if field is None else len(written)).to_bytes(8, "big", signed=True) + written)
    if age or size:  # without them the id is the one that other processes and versions know
        digest.update(age.to_bytes(8, "big") + size.to_bytes(8, "big"))
    return int.from_bytes(digest.digest(), "big") or 1
