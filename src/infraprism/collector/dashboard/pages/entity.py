"""One entity: its sessions, what it spends over time and on which models, its budgets."""

from __future__ import annotations

from typing import Any

from infraprism.collector.dashboard.pages import drawing
from infraprism.collector.dashboard.pages.overview import budget_states
from infraprism.collector.dashboard.visit import SESSIONS, Visit


async def entity(visit: Visit) -> dict[str, Any]:
    """Ask for all that the page shows."""
    period, who = visit.period, visit.entity()
    sort = visit.query.get("sort") or "total_cost"
    order = visit.query.get("order") or "desc"
    metrics, listed, models, budgets = await visit.ask_all(
        (
            "Metrics",
            "/v1/analytics/metrics/sessions",
            [*who, *period.parameters, ("interval", "day"), ("compare", "previous")],
        ),
        (
            "Sessions",
            SESSIONS,
            [
                *who,
                *period.bounds,
                ("sort", sort),
                ("order", order),
                *visit.wanted("cursor"),
                ("limit", "20"),
            ],
        ),
        ("Models", "/v1/analytics/models", [*who, *period.parameters, ("limit", "20")]),
        ("Budgets", "/v1/budgets", []),
    )
    name = {kind: visit.query.get(kind) or None for kind in ("entity_type", "entity_id")}
    own = [
        budget
        for budget in (budgets.data or {}).get("data", [])
        if budget["per"] == "entity"
        and budget["entity_type"] in (None, name["entity_type"])
        and budget["entity_id"] in (None, name["entity_id"])
    ]
    return {
        "name": name,
        "metrics": metrics,
        "charts": drawing.of_series(metrics, period.zone),
        "listed": listed,
        "sort": sort,
        "order": order,
        "models": models,
        "budgets": budgets,
        "states": [(budget, _of(state, name)) for budget, state in await budget_states(visit, own)],
        "status": listed.status,
    }


def _of(state: Any, name: dict[str, Any]) -> Any:
    """The rows of a budget's state that are of this entity."""
    if state.data is None:
        return state
    rows = [row for row in state.data["data"] if name.items() <= row["key"].items()]
    return type(state)(state.address, state.status, {"data": rows})
