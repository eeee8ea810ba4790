"""The sign-in of a browser: a key is sent once, then a cookie stands for it that says nothing of it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from infraprism.collector.access.keyring import Holder, Keyring
from infraprism.collector.access.scopes import scoped
from infraprism.collector.problems import Problem

#: POST here from a form with the field `key`, and where to go then in `next`.
SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
#: Tells the form that the key was not accepted.
WRONG: Final = "wrong"
COOKIE: Final = "infraprism_session"
LIFE_SECONDS: Final = 12 * 3600
#: Browsers that are signed in at a time; the one that signed in first is signed out for another.
_MOST: Final = 10_000
_LARGEST_FORM: Final = 10_000


class _SignedIn(NamedTuple):
    holder: Holder
    until: float


class SignIns:
    """Who is signed in: in memory only, so that a restart signs everybody out. Belongs to the event loop."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._all: OrderedDict[str, _SignedIn] = OrderedDict()

    def begin(self, holder: Holder) -> str:
        """What the cookie of `holder` holds."""
        token = secrets.token_urlsafe(32)
        self._all[_digest(token)] = _SignedIn(holder, time.monotonic() + LIFE_SECONDS)
        while len(self._all) > _MOST:
            self._all.popitem(last=False)
        return token

    def end(self, asked: Scope) -> None:
        """Forget the browser that asks."""
        if (token := _token(asked)) is not None:
            self._all.pop(_digest(token), None)

    def find(self, asked: Scope) -> Holder | None:
        """Who the browser that asks is signed in as, as long as the key may be used; else None."""
        token = _token(asked)
        found = None if token is None else self._all.get(_digest(token))
        if found is None or found.until < time.monotonic():
            return None
        key_id = found.holder.key_id
        return found.holder if key_id is None else self._keyring.holder(key_id)

    def routes(self) -> list[BaseRoute]:
        """The routes that a form sends to, and that signs out."""
        return [
            scoped(Route(SIGN_IN, self._sign_in, methods=["POST"]), "open"),
            scoped(Route(SIGN_OUT, self._sign_out, methods=["POST"]), "open"),
        ]

    async def _sign_in(self, request: Request) -> Response:
        form = await _form(request)
        target = _own_path(form.get("next", "/"))
        holder = self._keyring.find(form.get("key", "").strip())
        if holder is None:
            return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': target, WRONG: 'true'})}", 303)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            COOKIE,
            self.begin(holder),
            max_age=LIFE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    async def _sign_out(self, request: Request) -> Response:
        self.end(request.scope)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer


def is_same_origin(asked: Scope) -> bool:
    """Whether a page of this very server makes the browser ask; by the host, as a proxy may end the TLS."""
    headers = Headers(scope=asked)
    return urlsplit(headers.get("origin", "")).netloc.lower() == headers.get("host", "").lower() != ""


def _token(asked: Scope) -> str | None:
    try:
        cookie = SimpleCookie(Headers(scope=asked).get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _own_path(target: str) -> str:
    # `//other.example` and `/\\other.example` are other hosts to a browser.
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_own else "/"


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise Problem(413, f"the form is larger than {_LARGEST_FORM} bytes")
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
