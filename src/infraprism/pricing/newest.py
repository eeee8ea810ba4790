"""The newest price list beside the installed one. The only part of pricing that goes to the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot


class FetchError(Exception):
    """The list could not be fetched, or is none; the message is one line."""


class Differences(NamedTuple):
    """Models whose prices differ, each as ``provider model``, in alphabetical order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def address() -> str:
    """Where the newest list is, unless told otherwise."""
    from genai_prices.update_prices import DEFAULT_UPDATE_URL

    return DEFAULT_UPDATE_URL


def compare(url: str) -> Differences:
    """Fetch the list at `url` with genai-prices' own updater and compare it; prices in use stay as they are.

    Raises:
        FetchError: there is no such list to be had.
    """
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.update_prices import UpdatePrices

    try:
        fetched = UpdatePrices(url=url).fetch()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the network's or the list's
        reason = " ".join(str(error).split()) or "no reason given"
        raise FetchError(f"{type(error).__name__}: {reason}") from None
    if fetched is None:
        raise FetchError("the list is empty")
    old, new = _prices(get_snapshot()), _prices(fetched)
    return Differences(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def _prices(snapshot: DataSnapshot) -> Mapping[str, Any]:
    return {
        f"{provider.id} {model.id}": (model.prices, model.price_variants)
        for provider in snapshot.providers
        for model in provider.models
    }
