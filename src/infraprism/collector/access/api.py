"""The routes by which administrators make keys and revoke them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import anyio
import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from infraprism.collector import json_body, wire
from infraprism.collector.access.gate import holder_of
from infraprism.collector.access.keyring import Holder, Keyring, NoSuchKeyError
from infraprism.collector.access.keys import LONGEST_NAME, Key
from infraprism.collector.access.scopes import Scope, scoped
from infraprism.collector.analytics import parameters
from infraprism.collector.problems import Problem
from infraprism.collector.wire import JSONAnswer

KEYS: Final = "/v1/keys"
T = TypeVar("T")


class KeyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/keys`."""

    name: str
    scopes: list[Scope]


def routes(keyring: Keyring) -> list[BaseRoute]:
    """The routes over `keyring`."""
    api = _Api(keyring)
    return [
        scoped(Route(KEYS, api.list, methods=["GET"]), "admin"),
        scoped(Route(KEYS, api.create, methods=["POST"]), "admin"),
        scoped(Route(f"{KEYS}/{{key_id}}", api.revoke, methods=["DELETE"]), "admin"),
    ]


class _Api:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def list(self, request: Request) -> JSONAnswer:
        """`GET /v1/keys`: every key, those revoked too. They are few: all are one page."""
        parameters.none(request.query_params.multi_items())
        data = [row(key) for key in self._keyring.all()]
        return JSONAnswer({"data": data, "next_cursor": None, "has_more": False})

    async def create(self, request: Request) -> JSONAnswer:
        """`POST /v1/keys`: a new key; its text is in this answer and nowhere else."""
        parameters.none(request.query_params.multi_items())
        asked = await json_body.read(request, KeyRequest)
        if not asked.scopes:
            raise Problem(400, "scopes must name at least one of ingest, read, admin", parameter="scopes")
        if not (name := asked.name.strip()) or len(name) > LONGEST_NAME or not name.isprintable():
            detail = f"name must have 1 to {LONGEST_NAME} printable characters"
            raise Problem(400, detail, parameter="name")
        by = _holder(request)
        text, key = await _in_thread(lambda: self._keyring.create(name, tuple(asked.scopes), by))
        return JSONAnswer({**row(key), "key": text}, status_code=201, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: Request) -> JSONAnswer:
        """`DELETE /v1/keys/{key_id}`: a key that answers nothing any more from now on."""
        parameters.none(request.query_params.multi_items())
        key_id = request.path_params["key_id"]
        try:
            by = _holder(request)
            key = await _in_thread(lambda: self._keyring.revoke(key_id, by))
        except NoSuchKeyError:
            raise Problem(404, f"there is no key {key_id!r}") from None
        return JSONAnswer(row(key))


def row(key: Key) -> dict[str, Any]:
    """What is told of a key, which is neither its text nor its hash."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "prefix": key.prefix,
        "created_at": wire.time(key.created_at),
        "last_used_at": None if key.last_used_at is None else wire.time(key.last_used_at),
        "revoked_at": None if key.revoked_at is None else wire.time(key.revoked_at),
    }


def _holder(request: Request) -> Holder:
    holder = holder_of(request)
    assert holder is not None
    return holder


async def _in_thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)
