"""An identity as span attributes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from infraprism import semconv
from infraprism.sessions.identity import Identity


def attributes(identity: Identity) -> Mapping[str, str]:
    """The attributes that every span in the session of `identity` carries; empty for nobody's.

    Shared, not to be changed: they are made once for all turns of a session that goes on.
    """
    prepared = identity.prepared
    if prepared is None:
        prepared = _of_session(identity.session_id, identity.entity_type, identity.entity_id)
        if identity.tags:
            tags = {semconv.TAG_PREFIX + key: value for key, value in identity.tags.items()}
            prepared = {**prepared, **tags}
        identity.prepared = prepared
    return prepared


@lru_cache(maxsize=1024)
def _of_session(session_id: str | None, entity_type: str | None, entity_id: str | None) -> dict[str, str]:
    result: dict[str, str] = {}
    if session_id is not None:
        result[semconv.SESSION_ID] = session_id
        result[semconv.CONVERSATION_ID] = session_id
    if entity_type is not None:
        result[semconv.ENTITY_TYPE] = entity_type
    if entity_id is not None:
        result[semconv.ENTITY_ID] = entity_id
        if entity_type == semconv.ENTITY_TYPE_USER:
            result[semconv.USER_ID] = entity_id
    return result
