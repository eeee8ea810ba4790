"""Keys: how they are made, what is kept of them, and which of them may be used. Nothing here does I/O."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, NamedTuple

from infraprism.collector.access.scopes import SCOPES, Scope

_PREFIX: Final = "ip-"
#: Bytes of randomness: 192 bits, 32 characters.
_RANDOM_BYTES: Final = 24
#: Characters of a key that are shown of it later; 48 bits of it stay known to nobody but its holder and more.
_SHOWN: Final = len(_PREFIX) + 6
LONGEST_NAME: Final = 200


class Key(NamedTuple):
    """What is kept of a key; the fields are the columns of `keys`, in their order."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    #: SHA-256 of the key, in hexadecimal digits.
    hash: str
    #: Its first characters, by which its holder knows it.
    prefix: str
    #: Unix nanoseconds.
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


def create(name: str, scopes: tuple[Scope, ...], at: int) -> tuple[str, Key]:
    """A new key, which nobody can find out later, and what is kept of it."""
    text = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return text, Key(secrets.token_hex(8), name, _sorted(scopes), digest(text), text[:_SHOWN], at)


def digest(text: str) -> str:
    """What is kept of a key instead of it.

    One round without salt is enough: a slow hash protects what people choose, and 192 random bits cannot be
    tried out. It has to be fast, as every request has one.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _sorted(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)
