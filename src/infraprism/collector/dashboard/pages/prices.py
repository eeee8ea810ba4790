"""The prices in force, and the models that have none."""

from __future__ import annotations

from typing import Any

from infraprism.collector.dashboard.visit import Visit


async def prices(visit: Visit) -> dict[str, Any]:
    """Ask for the price list in force and for what it does not know."""
    in_force, unpriced, recosts = await visit.ask_all(
        ("Prices in force", "/v1/analytics/prices", []),
        ("Unpriced models", "/v1/analytics/unpriced", visit.period.bounds),
        ("Priced again", "/v1/analytics/recosts", [("limit", "10")]),
    )
    return {"in_force": in_force, "unpriced": unpriced, "recosts": recosts}
