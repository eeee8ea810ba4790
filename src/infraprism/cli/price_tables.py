"""Rates and costs as tables, in all their digits."""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.status import Status as Spinner
from rich.table import Table

from infraprism.pricing import Cost, Rates, Status, money
from infraprism.pricing.book_text import RATES
from infraprism.pricing.explained import TOKENS, UNITS
from infraprism.pricing.rates import power

#: Endings of a rate's key → what its price is per.
_PER = {"_mtok": "1M tokens", "_mchars": "1M characters", "_kcount": "1K", "_hours": "hour"}
#: Columns of a table of changes → fields of the answer.
_AMOUNTS = {"before": "amount_before", "after": "amount_after", "difference": "difference"}
_WORDS = {key: word for word, key in RATES.items()}


def console() -> Console:
    """Standard output; wide where nobody looks at it, so that no digit is cut."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 120)


def waiting(for_what: str) -> Spinner:
    """A sign of life on a terminal, while it is entered."""
    return Console(stderr=True).status(for_what)


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
    total = "unknown" if cost.amount is None else floor(cost.status) + money.text(cost.amount)
    table = _parts(total)
    for part in cost.parts:
        unit, scale, per = UNITS.get(part.name, TOKENS)
        rate = money.text(_times(part.rate, scale))
        table.add_row(part.name, f"{part.quantity:,}", unit, rate, per, money.text(part.amount))
    return table


def lines(explanation: dict[str, Any], status: str) -> Table:
    """The lines of the explanation of a stored call, and their sum."""
    known = explanation["total"] is not None
    table = _parts(floor(status) + amount(explanation["total"]) if known else "unknown")
    for line in explanation["lines"]:
        quantity, rate = line["quantity"], line["listed_rate"]
        table.add_row(
            line["part"],
            "" if quantity is None else f"{quantity:,}",
            line["unit"],
            "" if rate is None else amount(rate),
            line["listed_per"],
            amount(line["amount"]),
        )
    return table


def changes(answer: dict[str, Any]) -> Table:
    """What pricing calls again changes, by entity and in total."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    display = answer.get("display")
    table.add_column("entity", "total", no_wrap=True)
    for heading, name in (("calls", "calls"), ("changed", "changed")):
        table.add_column(heading, f"{answer[name]:,}", justify="right", no_wrap=True)
    for heading, name in _AMOUNTS.items():
        table.add_column(f"{heading}, USD", amount(answer[name]), justify="right", no_wrap=True)
    if display is not None:
        heading = f"difference, {display['currency']}"
        table.add_column(heading, amount(display["difference"]), justify="right", no_wrap=True)
    for row in answer["entities"]:
        cells = [entity(row), f"{row['calls']:,}", f"{row['changed']:,}"]
        cells += [amount(row[name]) for name in _AMOUNTS.values()]
        if display is not None:
            cells.append(amount(row["display"]["difference"]))
        table.add_row(*cells)
    if answer["more_entities"]:
        table.add_row(f"and {answer['more_entities']:,} more")
    return table


def keys(rows: list[dict[str, Any]]) -> Table:
    """The keys of a collector, without their secrets."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("id", "name", "key", "scopes", "created", "last used", "revoked"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        times = [(row[f"{what}_at"] or "").partition(".")[0] for what in ("created", "last_used", "revoked")]
        table.add_row(row["id"], row["name"], f"{row['prefix']}…", " ".join(row["scopes"]), *times)
    return table


def entity(row: dict[str, Any]) -> str:
    """Whose a call is: ``customer/acme``, or nothing."""
    return "/".join(row[name] for name in ("entity_type", "entity_id") if row[name])


def amount(number: Decimal | int) -> str:
    """A number of an answer, in all its digits."""
    return money.text(Decimal(number))


def _parts(total: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("part", "total", no_wrap=True)
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("rate, USD", justify="right", no_wrap=True)
    table.add_column("per", no_wrap=True)
    table.add_column("amount, USD", total, justify="right", no_wrap=True)
    return table


def floor(status: str) -> str:
    """What is put before the amount of a cost that misses something."""
    return "≥ " if status == Status.PARTIAL else ""


def since(moment: datetime | None) -> str:
    """``, since 2026-10-01``, or nothing."""
    if moment is None:
        return ""
    midnight = not (moment.hour or moment.minute or moment.second or moment.microsecond)
    return f", since {moment:%Y-%m-%d}" if midnight else f", since {moment:%Y-%m-%dT%H:%M:%SZ}"


def _times(rate: Decimal, scale: int) -> Decimal:
    return rate.scaleb(scale, money.EXACT)
