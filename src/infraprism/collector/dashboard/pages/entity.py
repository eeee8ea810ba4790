"""One entity: its sessions, what it spends over time and on which models, its budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from infraprism.collector.dashboard.asking import Answer
from infraprism.collector.dashboard.pages import drawing
from infraprism.collector.dashboard.pages.overview import MOST_BUDGETS, budget_states
from infraprism.collector.dashboard.visit import SESSIONS, Visit

#: Rows of a budget's state among which the entity is looked for: as many as the API gives.
_SPENDERS: Final = "1000"


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
        "states": [
            (budget, _of(state, name))
            for budget, state in await budget_states(visit, own, [("limit", _SPENDERS)])
        ],
        "more_budgets": max(len(own) - MOST_BUDGETS, 0),
        "status": listed.status,
    }


def _of(state: Answer, name: dict[str, Any]) -> Answer:
    """What a budget's state says of this entity."""
    if state.data is None:
        return state
    rows = [row for row in state.data["data"] if name.items() <= row["key"].items()]
    if not rows and state.data["has_more"]:
        return replace(
            state, data=None, problem=f"This entity is not among the {_SPENDERS} that used most of it."
        )
    return replace(state, data={**state.data, "data": rows, "has_more": False})
