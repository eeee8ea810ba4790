"""What of a request says whose it is: the headers and cookies that the application names, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from infraprism import guard
from infraprism.sessions.context import session
from infraprism.sessions.identity import NOBODY, Id, Identity, identify


class Header(NamedTuple):
    """The value of a request's header, by its name in any case."""

    name: str


class Cookie(NamedTuple):
    """The value of a request's cookie, by its name."""

    name: str


#: Where a value of a request is found.
Source = Header | Cookie
#: Header's name, in lower case → its value, or None.
Headers = Callable[[str], bytes | None]


class Reading:
    """How to find the session, entity and tags of a request; each a fixed value, a `Header` or a `Cookie`.

    Raises:
        TypeError, ValueError: a fixed value is wrong; the message names the argument.
    """

    def __init__(
        self,
        session_id: Id | Source | None = None,
        entity_type: str | Source | None = None,
        entity_id: Id | Source | None = None,
        tags: Mapping[str, str | Source] | None = None,
    ) -> None:
        given: list[tuple[str, str, Any]] = [
            (argument, "", value)
            for argument, value in (
                ("session_id", session_id),
                ("entity_type", entity_type),
                ("entity_id", entity_id),
            )
        ]
        if tags is not None:
            is_mapping = isinstance(tags, Mapping)
            identify(tags=dict.fromkeys(tags, "any") if is_mapping else tags)
            given += [("tags", key, value) for key, value in tags.items()]
        self._fixed = NOBODY
        self._sources: list[tuple[str, str, Source]] = []
        for argument, key, value in given:
            if isinstance(value, Header | Cookie):
                self._sources.append((argument, key, value))
            else:
                self._fixed = _one(argument, key, value).inside(self._fixed)

    def block(self, headers: Headers) -> session | None:
        """The block in which to serve a request with these headers; None where they say nothing."""
        identity = self._identity(headers)
        if identity is None or identity == NOBODY:
            return None
        return session(
            identity.session_id,
            entity_type=identity.entity_type,
            entity_id=identity.entity_id,
            tags=identity.tags,
        )

    @guard.guarded("telemetry_error")
    def _identity(self, headers: Headers) -> Identity:
        found: dict[str, Any] = {}
        tags = dict(self._fixed.tags)
        for argument, key, source in self._sources:
            try:
                one = _one(argument, key, _text(source, headers))
            except ValueError as error:
                reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
                guard.drop("invalid_inbound", f"{type(source).__name__.lower()} {source.name}: {reason}")
                continue
            tags.update(one.tags)
            if argument != "tags":
                found[argument] = getattr(one, argument)
        return self._fixed._replace(**found, tags=tags)


def _one(argument: str, key: str, value: Any) -> Identity:
    if value is None:
        return NOBODY
    return identify(**{argument: {key: value} if argument == "tags" else value})


def _text(source: Source, headers: Headers) -> str | None:
    if isinstance(source, Header):
        value = headers(source.name.lower())
        return None if value is None else value.decode().strip() or None
    for pair in (headers("cookie") or b"").split(b";"):
        name, _, value = pair.partition(b"=")
        if name.strip() == source.name.encode():
            return value.strip().strip(b'"').decode() or None
    return None
