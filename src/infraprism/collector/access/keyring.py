"""The keys of a running collector: in memory, as every request asks, and in the store, for the next start."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from infraprism import semconv
from infraprism.collector.access import keys
from infraprism.collector.access.keys import Key
from infraprism.collector.access.scopes import SCOPES, Scope
from infraprism.collector.store import keys as stored
from infraprism.collector.store.interface import Store


class NoSuchKeyError(Exception):
    """No key has this id."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks: what the audit calls it, and what it may do."""

    name: str
    scopes: tuple[Scope, ...]
    #: None of the key of the environment, and where no key is asked for.
    key_id: str | None = None


#: Where no key is asked for.
ANYBODY = Holder("anybody", SCOPES)
ENVIRONMENT = Holder(semconv.SETTING_API_KEY, SCOPES)


class Keyring:
    """All keys. One process owns the store, so that nobody else changes them. Safe to use from any thread."""

    def __init__(self, store: Store, environment_key: str | None) -> None:
        """`environment_key`: the one of INFRAPRISM_API_KEY, which has all scopes and is not stored."""
        self._store = store
        self._environment = None if environment_key is None else keys.digest(environment_key)
        with store.reader() as connection:
            self._keys = {key.id: key for key in stored.every(connection)}
        self._by_hash = {key.hash: key.id for key in self._keys.values()}
        self._used: dict[str, int] = {}
        self._changes = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether no key was ever made: then none is asked for. That all are revoked opens nothing."""
        return self._environment is None and not self._keys

    @property
    def has_usable(self) -> bool:
        """Whether there is a key that may be used."""
        return self._environment is not None or any(key.revoked_at is None for key in self._keys.values())

    def find(self, text: str) -> Holder | None:
        """Who has this key, and is noted to have used it now; None where nobody may use it."""
        # Equal hashes are looked for, and not equal keys: how long that takes says nothing about a key.
        digest = keys.digest(text)
        if digest == self._environment:
            return ENVIRONMENT
        key_id = self._by_hash.get(digest)
        return None if key_id is None else self.holder(key_id)

    def holder(self, key_id: str) -> Holder | None:
        """Who has the key of this id, and is noted to use it now; None once it is revoked."""
        key = self._keys[key_id]
        if key.revoked_at is not None:
            return None
        self._used[key.id] = time.time_ns()
        return Holder(key.name, key.scopes, key.id)

    def all(self) -> list[Key]:
        """All keys, the oldest first; those revoked are among them."""
        return [
            key._replace(last_used_at=self._used.get(key.id, key.last_used_at)) for key in self._keys.values()
        ]

    def create(self, name: str, scopes: tuple[Scope, ...]) -> tuple[str, Key]:
        """A new key, stored: its text, which is shown this once, and what is kept of it."""
        text, key = keys.create(name, scopes, time.time_ns())
        with self._changes, self._store.reader() as connection:
            stored.add(connection, key)
            connection.commit()
            self._keys = self._keys | {key.id: key}
            self._by_hash[key.hash] = key.id
        return text, key

    def revoke(self, key_id: str) -> Key:
        """Let the key be of no use from now on; one that is revoked stays so. Raises `NoSuchKeyError`."""
        with self._changes, self._store.reader() as connection:
            key = self._keys.get(key_id)
            if key is None:
                raise NoSuchKeyError(key_id)
            if key.revoked_at is None:
                key = key._replace(revoked_at=time.time_ns())
                assert key.revoked_at is not None
                # First here: a store that fails must not keep a stolen key alive.
                self._keys = self._keys | {key_id: key}
                stored.revoke(connection, key_id, key.revoked_at)
                connection.commit()
            return key

    def note_use(self) -> None:
        """Store when each key was used last."""
        with self._changes, self._store.reader() as connection:
            used = {key_id: at for key_id, at in self._used.items() if at != self._keys[key_id].last_used_at}
            if not used:
                return
            stored.used(connection, used)
            connection.commit()
            self._keys = self._keys | {
                key_id: self._keys[key_id]._replace(last_used_at=at) for key_id, at in used.items()
            }
