"""Whose call it is: session, entity and tags, checked at the door.

A session or entity id is the app's own: text, an integer or a `uuid.UUID`, at least one and at most 200
characters once written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

#: What callers may pass as a session or entity id.
Id = str | int | UUID

MAX_ID_LENGTH = 200
MAX_TAGS = 32
_NO_TAGS: Mapping[str, str] = MappingProxyType({})


class _Fields(NamedTuple):
    session_id: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    tags: Mapping[str, str] = _NO_TAGS


class Identity(_Fields):
    """Session, entity and tags of a call; a field is None where nobody said."""

    #: It as span attributes, once `attributes` has been asked for them: a session has many spans.
    prepared: Mapping[str, str] | None = None

    @property
    def entity(self) -> tuple[str | None, str | None]:
        """Type and id of who the cost belongs to."""
        return self.entity_type, self.entity_id

    @property
    def session(self) -> tuple[str | None, str | None, str | None]:
        """What makes it one session: two entities that use one session id are two."""
        return self.entity_type, self.entity_id, self.session_id

    def inside(self, outer: Identity) -> Identity:
        """This identity with what it leaves open taken from `outer`; tags of both, this one's winning.

        An entity of another type never inherits the outer entity's id.
        """
        if outer is NOBODY:
            return self
        if self is NOBODY:
            return outer
        entity_id = self.entity_id
        if entity_id is None and self.entity_type in (None, outer.entity_type):
            entity_id = outer.entity_id
        return Identity(
            self.session_id if self.session_id is not None else outer.session_id,
            self.entity_type if self.entity_type is not None else outer.entity_type,
            entity_id,
            {**outer.tags, **self.tags} if self.tags and outer.tags else self.tags or outer.tags,
        )


#: The identity of a call about which nothing is known.
NOBODY = Identity()


def identify(
    session_id: Any = None, entity_type: Any = None, entity_id: Any = None, tags: Any = None
) -> Identity:
    """Check what a caller passed and write it out as an `Identity`; None means not given.

    Raises:
        TypeError: an argument is of the wrong type; the message names the argument.
        ValueError: an argument is empty, too long or not Unicode text; the message names the argument.
    """
    if session_id is entity_type is entity_id is tags is None:
        return NOBODY
    return Identity(
        None if session_id is None else _id_text("session_id", session_id),
        None if entity_type is None else _label("entity_type", entity_type),
        None if entity_id is None else _id_text("entity_id", entity_id),
        _NO_TAGS if tags is None else _tag_texts(tags),
    )


def _id_text(argument: str, value: Any) -> str:
    if type(value) is str and 0 < len(value) <= MAX_ID_LENGTH and value.isascii():
        return value  # what nearly every one is
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise TypeError(f"{argument} must be a str, int or uuid.UUID, not {type(value).__name__}")
    if isinstance(value, int):
        # Writing out a huge integer is refused by Python itself, with an error that names no argument.
        if abs(value) >= 10**MAX_ID_LENGTH:
            raise ValueError(f"{argument} must be at most {MAX_ID_LENGTH} characters long")
        return _label(argument, int.__repr__(value))
    return _label(argument, str(value) if isinstance(value, UUID) else value)


def _label(argument: str, value: Any) -> str:
    if type(value) is str and 0 < len(value) <= MAX_ID_LENGTH and value.isascii():
        return value  # what nearly every one is
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str, not {type(value).__name__}")
    text = str.__str__(value)  # a member of a `str` enum is its value, not its name
    if not text:
        raise ValueError(f"{argument} must not be empty")
    if len(text) > MAX_ID_LENGTH:
        raise ValueError(f"{argument} must be at most {MAX_ID_LENGTH} characters long, not {len(text)}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # A lone surrogate would make the exporter lose the whole batch.
            raise ValueError(f"{argument} must be valid Unicode text") from None
    return text


def _tag_texts(tags: Any) -> Mapping[str, str]:
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags must be a mapping of str to str, not {type(tags).__name__}")
    if len(tags) > MAX_TAGS:
        raise ValueError(f"tags must have at most {MAX_TAGS} keys, not {len(tags)}")
    checked: dict[str, str] = {}
    for key, value in tags.items():
        name = _label("tags: a key", key)
        checked[name] = _label(f"tags[{name!r}]", value)
    return checked
