"""What a route asks for, declared beside the route; one that declares nothing is never served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from starlette.routing import BaseRoute, Match
from starlette.types import Scope as Asked

#: What a key may do; `admin` may `read` too.
Scope = Literal["ingest", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("ingest", "read", "admin")
#: What a route can ask for; `open` answers to everybody.
Required = Literal["ingest", "read", "admin", "open"]

#: Where a route keeps it: routes are equal by their paths, and so cannot be keys of a table.
_ATTRIBUTE: Final = "infraprism_required"


class UndeclaredError(Exception):
    """A route says nothing about who may ask it."""


def scoped(route: BaseRoute, required: Required) -> BaseRoute:
    """The same `route`, which from now on asks for a key with this scope."""
    setattr(route, _ATTRIBUTE, required)
    return route


def required_by(route: BaseRoute) -> Required:
    """What `route` asks for. Raises `UndeclaredError`."""
    required: Required | None = getattr(route, _ATTRIBUTE, None)
    if required is None:
        raise UndeclaredError(f"{route!r} declares no scope: see `scoped`")
    return required


def allows(scopes: Iterable[Scope], required: Required) -> bool:
    """Whether a key of these `scopes` may ask a route that requires this."""
    held = set(scopes)
    return required == "open" or required in held or (required == "read" and "admin" in held)


def wanted(routes: Iterable[BaseRoute], asked: Asked) -> Required | None:
    """What the route asks for that answers this request; None where none does."""
    for route in routes:
        if route.matches(asked)[0] is Match.FULL:
            return required_by(route)
    return None
