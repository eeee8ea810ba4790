"""The address of a ClickHouse database: `clickhouse://user:password@host:port/database?cluster=main`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEME: Final = "clickhouse://"

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_FLAGS: Final = {"true": True, "false": False}
_OPTIONS: Final = ("cluster", "quorum", "replicated", "secure")


class AddressError(ValueError):
    """The address cannot be used; the message says why, and holds nothing of the password."""


@dataclass(frozen=True)
class Address:
    """Where the database is, and how its tables are laid out."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    secure: bool = False
    #: The cluster whose hosts hold the tables; None: the host alone.
    cluster: str | None = None
    #: Whether the hosts of a shard hold copies of each other.
    replicated: bool = False
    #: How many copies there are when a batch is acknowledged: "auto" is the majority, "1" the first one.
    quorum: str = "auto"

    def __str__(self) -> str:
        """For people to read: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{host}:{self.port}/{self.database}"


def parse(text: str) -> Address:
    """The address that `text` spells. Raises `AddressError`."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressError("host and port of the address cannot be read") from None
    if not text.startswith(SCHEME) or not host or parts.fragment:
        raise AddressError(f"the address must be {SCHEME}user:password@host:port/database")
    options = _options(parts.query)
    secure = _flag(options, "secure", default=False)
    cluster = options.get("cluster")
    if cluster is not None:
        _check("cluster", cluster)
    replicated = _flag(options, "replicated", default=cluster is not None)
    if replicated and cluster is None:
        raise AddressError("replicated=true needs the name of a cluster")
    quorum = options.get("quorum", "auto")
    if not re.fullmatch(r"auto|[1-9][0-9]?", quorum):
        raise AddressError("quorum must be 'auto' or a number from 1 to 99")
    return Address(
        host=host,
        port=port or (8443 if secure else 8123),
        database=_check("database", unquote(parts.path.removeprefix("/")) or "infraprism"),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        secure=secure,
        cluster=cluster,
        replicated=replicated,
        quorum=quorum,
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise AddressError(f"the address has an unknown option; there are {', '.join(_OPTIONS)}")
        if name in options:
            raise AddressError(f"{name} is given more than once")
        options[name] = value
    return options


def _flag(options: dict[str, str], name: str, *, default: bool) -> bool:
    if name not in options:
        return default
    if options[name] not in _FLAGS:
        raise AddressError(f"{name} must be 'true' or 'false'")
    return _FLAGS[options[name]]


def _check(what: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AddressError(f"the {what} must be letters, digits, _ and -, and begin with no digit")
    return name
