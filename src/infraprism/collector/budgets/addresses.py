"""Where webhooks may go: to addresses that everybody can reach, not into the collector's own network."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final, NamedTuple
from urllib.parse import urlsplit

#: IPv6 addresses that stand for an IPv4 address behind a translator.
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class AddressError(ValueError):
    """Nothing is sent there; the message says why."""


class Target(NamedTuple):
    """A webhook's address, taken apart."""

    is_https: bool
    host: str
    port: int
    #: With the query.
    path: str


def target(url: str, *, allow_private: bool) -> Target:
    """Take a webhook's address apart, without asking anybody where its name leads.

    `allow_private`: also `http`, and addresses of this machine and its network. Raises `AddressError`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressError("it is not an address such as https://example.com/hook") from None
    host = parts.hostname
    if not url.isascii() or not url.isprintable() or " " in url or not host:
        raise AddressError("it is not an address such as https://example.com/hook")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise AddressError("it must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise AddressError("it must not have a user or a password in it")
    if not allow_private:
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise AddressError(f"{host} is not public")
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            _check(literal)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_https = parts.scheme == "https"
    return Target(is_https, host, port or (443 if is_https else 80), path)


def resolve(wanted: Target, *, allow_private: bool) -> str:
    """An IP address of the host. To be connected to as it is: asked again, the name could lead elsewhere.

    Raises `AddressError` where one of its addresses is not public, `OSError` where it has none.
    """
    try:
        found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise AddressError(f"{wanted.host} is no name") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private:
        for address in addresses:
            _check(ipaddress.ip_address(address.partition("%")[0]))
    return addresses[0]


def _check(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    inner = address
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or address
        if any(address in network for network in _TRANSLATED) or address.teredo is not None:
            raise AddressError(f"{address} is not public")
    if not inner.is_global or inner.is_multicast:
        raise AddressError(f"{address} is not public")
