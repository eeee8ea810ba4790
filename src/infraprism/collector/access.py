"""Who may ask: the `Host` header on a loopback address, the bearer key everywhere."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infraprism.collector import problems

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: Answers without a key, for those who watch that the process is alive.
HEALTH: Final = "/healthz"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class LocalHostOnly:
    """Refuses requests addressed to another name, so that a web page cannot rebind its own name to us."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http" and _name(Headers(scope=scope).get("host", "")) not in LOCAL_NAMES:
            refusal = problems.answer(403, "the Host header must name localhost, 127.0.0.1 or [::1]")
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


class KeyRequired:
    """Refuses requests that do not carry the key, except for the health check."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] == "http" and scope["path"] != HEALTH and not self._is_authorized(scope):
            refusal = problems.answer(
                401,
                "send the header Authorization: Bearer <INFRAPRISM_API_KEY of the collector>",
                headers={"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_authorized(self, scope: Scope) -> bool:
        return is_key(Headers(scope=scope).get("authorization", ""), self._key)


def is_key(authorization: str, key: bytes) -> bool:
    """Whether this is how `key` is sent, as a header or as metadata."""
    scheme, _, sent = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), key)


def _name(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
