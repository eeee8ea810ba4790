"""An identity as span attributes."""

from __future__ import annotations

from infraprism import semconv
from infraprism.sessions.identity import Identity


def attributes(identity: Identity) -> dict[str, str]:
    """The attributes that every span in the session of `identity` carries; empty for nobody's."""
    result: dict[str, str] = {}
    if identity.session_id is not None:
        result[semconv.SESSION_ID] = identity.session_id
        result[semconv.CONVERSATION_ID] = identity.session_id
    if identity.entity_type is not None:
        result[semconv.ENTITY_TYPE] = identity.entity_type
    if identity.entity_id is not None:
        result[semconv.ENTITY_ID] = identity.entity_id
        if identity.entity_type == "user":
            result[semconv.USER_ID] = identity.entity_id
    for key, value in identity.tags.items():
        result[semconv.TAG_PREFIX + key] = value
    return result
