"""Tells a receiver that a budget was crossed: signed by Standard Webhooks, to a checked address.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from infraprism.collector.budgets import addresses
from infraprism.collector.budgets.addresses import AddressError

#: Seconds for each step of a delivery.
_TIMEOUT: Final = 5.0
#: Before a receiver's secret, which is base64.
_PREFIX: Final = "whsec_"


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """Makes each budget a secret of its own from the collector's, so that no database holds any.

    Attributes:
        secret: the collector's.
    """

    secret: str

    def secret_of(self, budget_id: str) -> str:
        """What the receiver of a budget's webhooks checks signatures with."""
        return _PREFIX + base64.b64encode(self._key(budget_id)).decode()

    def headers(self, budget_id: str, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
        """The headers that prove who says `body`, and when (Unix seconds)."""
        signed = f"{message_id}.{seconds}.".encode() + body
        signature = base64.b64encode(hmac.digest(self._key(budget_id), signed, hashlib.sha256)).decode()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": f"v1,{signature}",
        }

    def _key(self, budget_id: str) -> bytes:
        return hmac.digest(self.secret.encode(), f"infraprism webhook {budget_id}".encode(), hashlib.sha256)


def deliver(url: str, body: bytes, headers: dict[str, str], *, allow_private: bool) -> tuple[bool, str]:
    """Send `body`; whether it was taken, and what came back in a few words.

    No redirect is followed and no proxy used.
    """
    try:
        wanted = addresses.target(url, allow_private=allow_private)
        address = addresses.resolve(wanted, allow_private=allow_private)
        connection = _Connection(wanted, address)
        try:
            connection.request(
                "POST",
                wanted.path,
                body,
                {**headers, "Content-Type": "application/json", "User-Agent": "infraprism"},
            )
            status = connection.getresponse().status
        finally:
            connection.close()
    except AddressError as error:
        return False, str(error)
    except (OSError, http.client.HTTPException) as error:
        return False, f"{type(error).__name__}: {getattr(error, 'strerror', None) or 'no answer'}"
    return 200 <= status < 300, str(status)


class _Connection(http.client.HTTPConnection):
    """To the address that was checked, with the name that was asked for."""

    def __init__(self, wanted: addresses.Target, address: str) -> None:
        super().__init__(wanted.host, wanted.port, timeout=_TIMEOUT)
        self.default_port = 443 if wanted.is_https else 80
        self._address = address
        self._is_https = wanted.is_https

    def connect(self) -> None:
        """Connect to the address, and over TLS see that it is who its name says."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_https:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
