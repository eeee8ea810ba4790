"""Calls of a session, and sessions in numbers, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from infraprism.cli.price_tables import amount
from infraprism.cli.report import cost

_COUNTS = {"sessions": "session_count", "turns": "turn_count", "calls": "call_count", "errors": "error_count"}


def calls(rows: Sequence[dict[str, Any]]) -> Table:
    """The calls of a session, in the order of time."""
    table = _table("started", "operation", "model", "in", "out", "cost, USD", "status", "span")
    for row in rows:
        status = f"failed: {row['error_type']}" if row["is_error"] else row["cost_status"] or "no cost"
        table.add_row(
            row["started_at"].partition(".")[0],
            row["operation"] or "",
            row["response_model"] or row["request_model"] or "",
            *("" if row[name] is None else f"{row[name]:,}" for name in ("input_tokens", "output_tokens")),
            "unknown" if row["cost"] is None else amount(row["cost"]),
            status,
            row["span_id"],
        )
    return table


def summary(answer: dict[str, Any]) -> Table:
    """The numbers of the period beside those of the one before."""
    now, before, change = answer["summary"], answer["previous_summary"], answer["change"]
    table = _table("", "now", "before", "change")
    for heading, name in (*_COUNTS.items(), ("cost", "total_cost")):
        table.add_row(heading, *(_shown(row, name) for row in (now, before)), _percent(change[name]))
    for heading, name in (
        ("cost of a session", "cost_per_session"),
        ("turns of a session", "turns_per_session"),
    ):
        for what in ("average", "median", "p95"):
            percent = _percent(change[name]) if what == "average" else ""
            table.add_row(f"{heading}, {what}", *(_number(row[name][what]) for row in (now, before)), percent)
    costs = (_number(row["cost_per_turn"]) for row in (now, before))
    table.add_row("cost of a turn", *costs, _percent(change["cost_per_turn"]))
    return table


def slices(rows: Sequence[dict[str, Any]], heading: str) -> Table:
    """The numbers of each group, or of each day or hour that has any."""
    table = _table(heading, *_COUNTS, "cost", "cost of a session, median", "p95")
    for row in rows:
        if not row["call_count"]:
            continue
        key = (
            row["start"].partition(".")[0]
            if "start" in row
            else "/".join(str(value) for value in row["key"].values() if value is not None)
        )
        table.add_row(
            key or "none",
            *(f"{row[name]:,}" for name in _COUNTS.values()),
            _shown(row, "total_cost"),
            *(_number(row["cost_per_session"][what]) for what in ("median", "p95")),
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for heading in others:
        is_text = heading in ("operation", "model", "status", "span")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
    return table


def _shown(row: dict[str, Any], name: str) -> str:
    return cost(row) if name == "total_cost" else f"{row[name]:,}"


def _number(value: Any) -> str:
    """Rounded for the eye: `--json` has all digits."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _percent(value: Any) -> str:
    return "" if value is None else f"{value:+.1f} %"
