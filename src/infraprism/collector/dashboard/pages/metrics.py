"""The metrics: how cost and turns are distributed, by day and by what the visitor groups them."""

from __future__ import annotations

from typing import Any, Final

from infraprism.collector.dashboard.pages import drawing
from infraprism.collector.dashboard.pages.sessions import entity_filter, tag_filter
from infraprism.collector.dashboard.visit import Visit

#: What sessions are grouped by, in the words of the page; a tag is named by its key beside it.
GROUPS: Final = {
    "model": "model",
    "provider": "provider",
    "tier": "service tier",
    "entity_type": "entity type",
    "entity": "entity",
    "tag": "tag",
}


async def metrics(visit: Visit) -> dict[str, Any]:
    """Ask for the metrics of the period."""
    group = visit.query.get("group_by") or "model"
    tag_key = visit.query.get("tag_key", "").strip()
    asked_group = group if group != "tag" else f"tag.{tag_key}" if tag_key else None
    interval = visit.query.get("interval") or "day"
    answer = await visit.ask(
        "Metrics",
        "/v1/analytics/metrics/sessions",
        [
            *entity_filter(visit),
            *visit.wanted("model", "provider"),
            *tag_filter(visit),
            *visit.period.parameters,
            ("interval", interval),
            ("group_by", asked_group),
            ("compare", "previous"),
        ],
    )
    return {
        "metrics": answer,
        "charts": drawing.of_series(answer, visit.period.zone) | drawing.of_histograms(answer),
        "group": group,
        "interval": interval,
        "groups": GROUPS,
        "status": answer.status,
    }
