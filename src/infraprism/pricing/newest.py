"""The newest price list beside the installed one. The only part of pricing that goes to the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infraprism.pricing import lists
from infraprism.pricing.lists import ListError, PriceList


class Differences(NamedTuple):
    """Models whose prices differ, each as ``provider model``, in alphabetical order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def address() -> str:
    """Where the newest list is, unless told otherwise."""
    from genai_prices.update_prices import DEFAULT_UPDATE_URL

    return DEFAULT_UPDATE_URL


def fetch(url: str) -> bytes:
    """The text of the list at `url`.

    Raises:
        ListError: there is nothing to be had.
    """
    import httpx2  # genai-prices has it for the same purpose

    try:
        response = httpx2.get(url, timeout=httpx2.Timeout(10, connect=5))
        response.raise_for_status()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the network's
        reason = " ".join(str(error).split()) or "no reason given"
        raise ListError(f"cannot be had: {type(error).__name__}: {reason}") from None
    return response.content


def compare(newest: PriceList) -> Differences:
    """What differs in `newest` from the installed list; prices in use stay as they are."""
    old, new = _prices(lists.installed()), _prices(newest)
    return Differences(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def save(data: bytes, path: Path) -> None:
    """Put the text of a list into the file `path`, whole or not at all: an application may be starting.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)


def _prices(listed: PriceList) -> Mapping[str, Any]:
    return {
        f"{provider.id} {model.id}": (model.prices, model.price_variants)
        for provider in listed.providers
        for model in provider.models
    }
