"""The gate that every request passes: who asks, and whether the route that answers lets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from infraprism.collector import problems
from infraprism.collector.access import scopes
from infraprism.collector.access.keyring import ANYBODY, Holder, Keyring
from infraprism.collector.access.sign_in import SIGN_IN, SIGN_OUT, SignIns, is_same_origin

_HOLDER: Final = "infraprism.holder"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Refuses requests whose key does not allow what their route asks for."""

    def __init__(
        self, app: ASGIApp, keyring: Keyring, sign_ins: SignIns, routes: Sequence[BaseRoute]
    ) -> None:
        """Every one of `routes` says what it asks for, see `scopes.scoped`."""
        self._app = app
        self._keyring = keyring
        self._sign_ins = sign_ins
        self._routes = routes
        self._refreshes = anyio.CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        required = scopes.wanted(self._routes, scope)
        # Who asks whether the collector lives does not wait for its store.
        if self._keyring.is_old and (required != "open" or scope["path"] == SIGN_IN):
            await anyio.to_thread.run_sync(self._keyring.refresh, limiter=self._refreshes)
        holder = self._holder(scope)
        if self._is_forged(scope):
            refusal = problems.answer(403, "a page of another site cannot ask this; send a key in the header")
        elif holder is None and required != "open":
            refusal = problems.answer(
                401,
                "send the header Authorization: Bearer <a key of the collector>",
                headers={"WWW-Authenticate": "Bearer"},
            )
        elif holder is not None and required is not None and not scopes.allows(holder.scopes, required):
            refusal = problems.answer(
                403,
                f"this key does not have the scope {required!r}",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{required}"'},
            )
        else:
            scope[_HOLDER] = holder
            await self._app(scope, receive, send)
            return
        await refusal(scope, receive, send)

    def _holder(self, asked: Scope) -> Holder | None:
        if self._keyring.is_open:
            return ANYBODY
        authorization = Headers(scope=asked).get("authorization")
        if authorization is None:
            return self._sign_ins.find(asked)
        return self._keyring.bearer(authorization)

    def _is_forged(self, asked: Scope) -> bool:
        """Whether a page of another site may have made a browser send this, without knowing a key."""
        headers = Headers(scope=asked)
        if asked["method"] in _SAFE or "authorization" in headers:
            return False
        needs_origin = "cookie" in headers or asked["path"] in (SIGN_IN, SIGN_OUT)
        return not is_same_origin(asked) and (needs_origin or "origin" in headers)


def holder_of(request: HTTPConnection) -> Holder | None:
    """Who asks; None only where an open route is asked without a key that may be used."""
    holder: Holder | None = request.scope.get(_HOLDER)
    return holder
