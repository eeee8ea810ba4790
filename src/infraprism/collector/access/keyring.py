"""The keys of a running collector: in memory, as every request asks, and in the store.

Where other collectors have the same store, what they do to keys is read from it, once a second at most.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Final

from infraprism import semconv
from infraprism.collector.access import keys
from infraprism.collector.access.keys import Key
from infraprism.collector.access.scopes import SCOPES, Scope
from infraprism.collector.store import deletions
from infraprism.collector.store import keys as stored
from infraprism.collector.store.deletions import Audit
from infraprism.collector.store.interface import CannotAnswerError, Connection, Store

#: Seconds for which keys that were read count, where other collectors change them too.
FRESH_SECONDS: Final = 1.0


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
#: Who has the database itself at hand.
COMMAND = Holder("infraprism keys", SCOPES)


class Keyring:
    """All keys. Safe to use from any thread."""

    def __init__(self, store: Store, environment_key: str | None) -> None:
        """`environment_key`: the one of INFRAPRISM_API_KEY, which has all scopes and is not stored."""
        self._store = store
        self._environment = None if environment_key is None else keys.digest(environment_key)
        self._keys: dict[str, Key] = {}
        self._by_hash: dict[str, str] = {}
        self._used: dict[str, int] = {}
        #: Ids of keys that are revoked here, and not in the store yet.
        self._unstored: set[str] = set()
        self._memory = threading.Lock()
        self._changes = threading.Lock()
        self._reading = threading.Lock()
        self._read()
        self._read_at = time.monotonic()

    @property
    def is_old(self) -> bool:
        """Whether another collector may have changed keys since they were read: then `refresh`."""
        return self._store.is_shared and time.monotonic() - self._read_at > FRESH_SECONDS

    def refresh(self) -> None:
        """Read the keys again, unless somebody just has. What is known holds while the store fails."""
        with self._reading:
            if not self.is_old:
                return
            with contextlib.suppress(CannotAnswerError):  # the store has logged it
                self._read()
            self._read_at = time.monotonic()

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

    def bearer(self, authorization: str) -> Holder | None:
        """As `find`, of the key that ``Bearer <key>`` sends; None of any other scheme."""
        scheme, _, key = authorization.partition(" ")
        return self.find(key.strip()) if scheme.lower() == "bearer" else None

    def holder(self, key_id: str) -> Holder | None:
        """Who has the key of this id, and is noted to use it now; None once it is revoked."""
        key = self._keys[key_id]
        if key.revoked_at is not None:
            return None
        self._used[key.id] = time.time_ns()
        return Holder(key.name, key.scopes, key.id)

    def all(self) -> list[Key]:
        """All keys, the oldest first; those revoked are among them."""
        return [self._with_use(key) for key in self._keys.values()]

    def create(self, name: str, scopes: tuple[Scope, ...], by: Holder = COMMAND) -> tuple[str, Key]:
        """A new key, stored: its text, which is shown this once, and what is kept of it."""
        text, key = keys.create(name, scopes, time.time_ns())
        with self._changes, self._store.reader() as connection:
            _record(connection, "create_key", key.created_at, by, key)
            stored.add(connection, key)
            connection.commit()
            self._remember(key)
        return text, key

    def revoke(self, key_id: str, by: Holder = COMMAND) -> Key:
        """Let the key be of no use from now on; one that is revoked stays so. Raises `NoSuchKeyError`."""
        with self._changes:
            if key_id not in self._keys and self._store.is_shared:
                self._read()
            key = self._keys.get(key_id)
            if key is None:
                raise NoSuchKeyError(key_id)
            if key.revoked_at is None or key_id in self._unstored:
                at = key.revoked_at or time.time_ns()
                key = key._replace(revoked_at=at)
                # First here: a store that fails must not keep a stolen key alive.
                self._unstored.add(key_id)
                self._remember(key)
                with self._store.reader() as connection:
                    _record(connection, "revoke_key", at, by, key)
                    stored.revoke(connection, key_id, at)
                    connection.commit()
                self._unstored.remove(key_id)
            return key

    def note_use(self) -> None:
        """Store when each key was used last."""
        with self._changes, self._store.reader() as connection:
            used = [key for key in map(self._with_use, self._keys.values()) if key != self._keys[key.id]]
            if not used:
                return
            stored.used(connection, {key.id: key.last_used_at or 0 for key in used})
            connection.commit()
            self._remember(*used)

    def _read(self) -> None:
        with self._store.reader() as connection:
            self._remember(*stored.every(connection))

    def _with_use(self, key: Key) -> Key:
        used_at = max(self._used.get(key.id, 0), key.last_used_at or 0)
        return key._replace(last_used_at=used_at or None)

    def _remember(self, *found: Key) -> None:
        """Have these keys known as they are here; what is revoked stays so."""
        with self._memory:
            known = dict(self._keys)
            for key in found:
                before = known.get(key.id, key)
                known[key.id] = key._replace(revoked_at=key.revoked_at or before.revoked_at)
            self._by_hash = {key.hash: key.id for key in known.values()}
            self._keys = known


def _record(connection: Connection, action: str, at: int, by: Holder, key: Key) -> None:
    # Before it is done: where a store fails in between, the audit has too much rather than too little.
    row = Audit(0, at, action, by.name, by.key_id, key.id, None, None, None)
    deletions.record(connection, row)
