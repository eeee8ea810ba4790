"""Sessions map to traces: the calls of a session that no other span encloses share one trace.

The trace id is a keyed hash of entity and session, so that every process of an application arrives at the
same id without asking, and the id does not reveal what it was made of (set `INFRAPRISM_TRACE_KEY` to a
secret where session ids can be guessed). Only root spans of our own tracer get it; the sampler decides as it
would for any id.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from hashlib import blake2b

from infraprism import settings
from infraprism.sessions.identity import Identity

_NO_KEY = b"infraprism"


class _Starting(threading.local):
    trace_id: int | None = None


#: The trace id for the root span that this thread is about to start, or None for a random one.
starting = _Starting()


def trace_id_of(identity: Identity) -> int | None:
    """The trace id (128 bits, never 0) of a session; None where there is no session."""
    if identity.session_id is None:
        return None
    return _derive(identity.entity_type, identity.entity_id, identity.session_id)


@lru_cache(maxsize=1024)
def _derive(entity_type: str | None, entity_id: str | None, session_id: str) -> int:
    secret = settings.current().trace_key
    # A key longer than the hash's limit of 64 bytes is hashed first, as HMAC does.
    key = _NO_KEY if secret is None else blake2b(secret.encode("utf-8", "surrogateescape")).digest()
    digest = blake2b(digest_size=16, key=key, person=b"infraprism.trace")
    for field in (entity_type, entity_id, session_id):
        # The length in front keeps ("a", "bc") and ("ab", "c") apart; None is told from every text.
        written = b"" if field is None else field.encode()
        digest.update((-1 if field is None else len(written)).to_bytes(8, "big", signed=True) + written)
    return int.from_bytes(digest.digest(), "big") or 1
