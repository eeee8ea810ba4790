"""The overview: what was spent, by whom, on what."""

from __future__ import annotations

from typing import Any, Final

from infraprism.collector.dashboard.asking import Answer, Parameters, segment
from infraprism.collector.dashboard.pages import drawing
from infraprism.collector.dashboard.visit import SESSIONS, Visit

#: Budgets whose state a page shows: each is a question.
MOST_BUDGETS: Final = 10


async def overview(visit: Visit) -> dict[str, Any]:
    """Ask for all that the page shows."""
    period = visit.period
    metrics, dearest, entities, models, unpriced, budgets = await visit.ask_all(
        (
            "Metrics",
            "/v1/analytics/metrics/sessions",
            [*period.parameters, ("interval", "day"), ("compare", "previous")],
        ),
        ("Dearest sessions", SESSIONS, [*period.bounds, ("sort", "total_cost"), ("limit", "10")]),
        ("Entities", "/v1/analytics/entities", [*period.parameters, ("limit", "10")]),
        ("Models", "/v1/analytics/models", [*period.parameters, ("limit", "10")]),
        ("Unpriced models", "/v1/analytics/unpriced", period.bounds),
        ("Budgets", "/v1/budgets", []),
    )
    existing = (budgets.data or {}).get("data", [])
    has_calls = metrics.data is not None and metrics.data["summary"]["call_count"] > 0
    return {
        "metrics": metrics,
        "charts": drawing.of_series(metrics, period.zone),
        "dearest": dearest,
        "entities": entities,
        "models": models,
        "unpriced": unpriced,
        "budgets": budgets,
        "states": await budget_states(visit, existing),
        "more_budgets": max(len(existing) - MOST_BUDGETS, 0),
        "is_empty": not has_calls and await is_empty(visit),
    }


async def budget_states(
    visit: Visit, budgets: list[dict[str, Any]], parameters: Parameters = ()
) -> list[tuple[dict[str, Any], Answer]]:
    """Each of the first `MOST_BUDGETS` budgets with the answer that tells its state."""
    states = await visit.ask_all(
        *(
            (
                f"Budget {budget['name'] or budget['id']}",
                f"/v1/budgets/{segment(str(budget['id']))}/state",
                parameters,
            )
            for budget in budgets[:MOST_BUDGETS]
        )
    )
    return list(zip(budgets, states, strict=False))


async def is_empty(visit: Visit) -> bool:
    """Whether no session has ever arrived."""
    answer = await visit.ask("Latest session", SESSIONS, [("limit", "1")])
    return answer.data is not None and not answer.data["data"]
