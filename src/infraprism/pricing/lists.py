"""The price lists: the one that comes with genai-prices, or a newer one that the user has saved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import Provider

#: Characters of a fingerprint: enough to tell apart all that one user has.
FINGERPRINT = 12


class ListError(ValueError):
    """There is no such list, or it is none; the message is one line."""


@dataclass(frozen=True, eq=False)  # compared by identity: what is found in it is remembered by it
class PriceList:
    """A list, and what a cost names it: name and version, or name and fingerprint."""

    version: str
    providers: list[Provider]


@cache
def installed() -> PriceList:
    """The list that comes with genai-prices, whatever the host has told that library to price by."""
    import genai_prices
    from genai_prices.data import providers

    return PriceList(f"genai-prices {genai_prices.__version__}", providers)


def parse(data: bytes, name: str) -> PriceList:
    """Read a list as genai-prices publishes it, in JSON.

    Raises:
        ListError: `data` is none.
    """
    try:
        # Not public: it is what the library's own updater reads a list with.
        from genai_prices.types import _providers_from_raw

        raw = json.loads(data)
        providers = _providers_from_raw(raw) if isinstance(raw, list) else []
    except Exception as error:  # noqa: BLE001 - whatever a text can do to a parser
        reason = " ".join(str(error).split())
        raise ListError(f"is no price list: {type(error).__name__}: {reason}") from None
    if not providers:
        raise ListError("is no price list: it has no providers")
    return PriceList(f"{name} {hashlib.sha256(data).hexdigest()[:FINGERPRINT]}", providers)
