"""The charts that several pages share, from the answer of ``/metrics/sessions``."""

from __future__ import annotations

from datetime import tzinfo
from decimal import Decimal

from markupsafe import Markup

from infraprism.collector.dashboard import charts, wording
from infraprism.collector.dashboard.asking import Answer


def of_series(metrics: Answer, zone: tzinfo) -> dict[str, Markup]:
    """Spend by day, and the cost of a session by day, where there is anything to draw."""
    series = (metrics.data or {}).get("series") or []
    if not series:
        return {}
    days = [wording.day(point["start"], zone) for point in series]
    drawn = {"spend": charts.bars(days, "spend", [point["total_cost"] for point in series], _money)}
    names = {"average": "average", "median": "median", "p95": "95 %"}
    if any(point["cost_per_session"]["average"] is not None for point in series):
        drawn["sessions"] = charts.lines(
            days,
            {name: [point["cost_per_session"][field] for point in series] for field, name in names.items()},
            _money,
        )
    return drawn


def of_histograms(metrics: Answer) -> dict[str, Markup]:
    """How many sessions cost how much, and had how many turns."""
    histograms = (metrics.data or {}).get("histograms") or {}
    drawn = {}
    for name, label in (("cost", wording.dollars), ("turns", wording.count)):
        if bins := histograms.get(name):
            labels = [label(one["from"]) for one in bins]
            drawn[name] = charts.bars(labels, name, [one["sessions"] for one in bins], wording.count)
    return drawn


def _money(amount: float | None) -> str:
    return "" if amount is None else wording.dollars(Decimal(f"{amount:.6g}"))
