"""Rates and costs as tables, in all their digits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from infraprism.pricing import Cost, Part, Rates, Status, money
from infraprism.pricing.book_text import RATES
from infraprism.pricing.rates import power

#: Endings of a rate's key → what its price is per.
_PER = {"_mtok": "1M tokens", "_mchars": "1M characters", "_kcount": "1K", "_hours": "hour"}
#: Parts of a cost that are not tokens → unit of the quantity, power of ten that the rate is printed per,
#: what that is.
_UNITS = {
    "input_characters": ("characters", 6, "1M"),
    "audio_seconds": ("seconds", 0, "hour"),
    "web_searches": ("searches", 3, "1K"),
    "file_searches": ("searches", 3, "1K"),
    "requests": ("requests", 3, "1K"),
    "reported": ("call", 0, "call"),
}
_WORDS = {key: word for word, key in RATES.items()}


def console() -> Console:
    """Standard output; wide where nobody looks at it, so that no digit is cut."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 120)


def rates(listed: Rates) -> Table:
    """Rates, those of long prompts below the others."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rate of", no_wrap=True)
    table.add_column("USD", justify="right", no_wrap=True)
    table.add_column("per", no_wrap=True)
    for key, rate in listed.items():
        word, scale = _WORDS.get(key, key), power(key)
        per = next((unit for ending, unit in _PER.items() if key.endswith(ending)), "1")
        table.add_row(word, money.text(_times(rate.base, scale)), per)
        for above, dearer in rate.tiers:
            table.add_row(f"  above {above:,} input", money.text(_times(dearer, scale)), per)
    return table


def parts(cost: Cost) -> Table:
    """The parts of a cost, and their sum."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("part", "total", no_wrap=True)
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("rate, USD", justify="right", no_wrap=True)
    table.add_column("per", no_wrap=True)
    total = "unknown" if cost.amount is None else floor(cost) + money.text(cost.amount)
    table.add_column("amount, USD", total, justify="right", no_wrap=True)
    for part in cost.parts:
        table.add_row(*_row(part))
    return table


def _row(part: Part) -> Iterator[str]:
    unit, scale, per = _UNITS.get(part.name, ("tokens", 6, "1M"))
    yield part.name
    yield f"{part.quantity:,}"
    yield unit
    yield money.text(_times(part.rate, scale))
    yield per
    yield money.text(part.amount)


def floor(cost: Cost) -> str:
    """What is put before the amount of a cost that misses something."""
    return "≥ " if cost.status is Status.PARTIAL else ""


def since(moment: datetime | None) -> str:
    """``, since 2026-10-01``, or nothing."""
    if moment is None:
        return ""
    midnight = not (moment.hour or moment.minute or moment.second or moment.microsecond)
    return f", since {moment:%Y-%m-%d}" if midnight else f", since {moment:%Y-%m-%dT%H:%M:%SZ}"


def _times(rate: Decimal, scale: int) -> Decimal:
    return rate.scaleb(scale, money.EXACT)
