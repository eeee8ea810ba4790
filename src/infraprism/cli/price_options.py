"""What the commands about prices have in common: for which call, by which prices, and how they fail."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from infraprism import pricing, semconv, settings
from infraprism.pricing import money

if TYPE_CHECKING:
    from types import ModuleType


def add_call(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which rates of a model are meant."""
    parser.add_argument("--provider", default="openai", help="OpenTelemetry's name, or a host (%(default)s)")
    parser.add_argument("--tier", help="service tier that serves it (the standard one)")
    parser.add_argument("--batch", action="store_true", help="a request of a batch")
    parser.add_argument("--at", type=moment, default=None, help="date or time, in UTC (now)")


def moment(text: str) -> datetime:
    """A date, or a date with a time, in UTC where it does not say."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-10-01") from None


def entity(text: str) -> tuple[str, str | None]:
    """A type, or a type and an id: ``customer/acme-corp``."""
    kind, slash, id_ = text.partition("/")
    # An id that came out empty must not stand for everybody of the type.
    if not kind or (slash and not id_):
        raise argparse.ArgumentTypeError(f"{text!r} is not a type, or TYPE/ID, such as customer/acme-corp")
    return kind, id_ or None


def adjusted(percent: Decimal, entity: str) -> str:
    """That the rates of `entity` are `percent` above the others, or below."""
    changed = f"{money.text(abs(percent))} % {'below' if percent < 0 else 'above'}"
    return f"each rate is {changed} the one for everybody: {entity}"


def use_own_prices() -> pricing.Book | None:
    """Price by the file that the environment names, if it does.

    Raises:
        pricing.PriceFileError: it cannot be used.
    """
    path = settings.load(os.environ).prices
    own = None if path is None else pricing.load(path)
    pricing.use(own)
    return own


def unknown(args: argparse.Namespace, at: datetime) -> str:
    """That there are no rates for what the options say."""
    of = f"{' in batches' if args.batch else ''}{f' at tier {args.tier}' if args.tier else ''}"
    return f"no price is known for {args.model} of {args.provider}{of} at {at:%Y-%m-%d}"


def fail(message: str) -> int:
    """Say what went wrong; returns the exit code."""
    print(message, file=sys.stderr)  # noqa: T201
    return 1


def fail_by_own_prices(error: pricing.PriceFileError) -> int:
    """Say all that is wrong with the file that the environment names; returns the exit code."""
    return fail(f"{semconv.SETTING_PRICES} cannot be used:\n{error}")


def tables() -> ModuleType | None:
    """What prints tables, or None where the extra that brings it is not installed."""
    try:
        from infraprism.cli import price_tables
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("infraprism"):
            raise
        return None
    return price_tables


#: What to say where there are no tables.
NO_TABLES = "this needs rich: pip install 'infraprism[collector]'"
