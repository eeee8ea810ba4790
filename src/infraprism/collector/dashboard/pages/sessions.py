"""The list of sessions, one session, one call."""

from __future__ import annotations

from typing import Any, Final

from infraprism import semconv
from infraprism.collector.dashboard import content, sums, timeline
from infraprism.collector.dashboard.asking import segment
from infraprism.collector.dashboard.pages.overview import is_empty
from infraprism.collector.dashboard.visit import SESSIONS, Visit

#: Rows of a page.
_ROWS: Final = "50"
_TIMELINE_ROWS: Final = "100"
#: So many calls the API answers with a session: it can be added up at once.
_WITH_SESSION: Final = 1000
_FILTERS: Final = (
    "session_id",
    "model",
    "provider",
    "min_cost",
    "max_cost",
    "status",
    "has_errors",
    "unpriced",
)


async def sessions(visit: Visit) -> dict[str, Any]:
    """Ask for one page of the list."""
    # Without a date in the address the list is of all times: a new session must never be missing from it.
    dated = any(visit.query.get(name) for name in ("days", "start_date", "end_date"))
    asked = [*visit.wanted(*_FILTERS), *entity_filter(visit), *tag_filter(visit)]
    sort = visit.query.get("sort") or "last_activity_at"
    listed = await visit.ask(
        "Sessions",
        SESSIONS,
        [
            *asked,
            *(visit.period.bounds if dated else []),
            ("sort", sort),
            *visit.wanted("order", "cursor"),
            ("limit", _ROWS),
        ],
    )
    has_filters = bool(asked) or dated
    return {
        "listed": listed,
        "is_dated": dated,
        "sort": sort,
        "order": visit.query.get("order") or "desc",
        "has_filters": has_filters,
        "is_empty": not has_filters and "cursor" not in visit.query and await is_empty(visit),
        "status": listed.status,
    }


def entity_filter(visit: Visit) -> list[tuple[str, str | None]]:
    """The entity that a form asks for: what is left empty in it does not ask."""
    return visit.wanted("entity_type", "entity_id")


def tag_filter(visit: Visit) -> list[tuple[str, str | None]]:
    """The tag that a form asks for, ``key=value``."""
    key, equals, value = visit.query.get("tag", "").strip().partition("=")
    return [(f"tag.{key.strip()}", value.strip())] if equals else []


async def session(visit: Visit) -> dict[str, Any]:
    """Ask for one session: its totals, a page of its timeline, a page of its calls."""
    path = f"{SESSIONS}/{segment(visit.query.get('session_id') or '?')}"
    entity = visit.entity()
    line, calls = await visit.ask_all(
        ("Timeline", f"{path}/timeline", [*entity, *_cursor(visit, "timeline"), ("limit", _TIMELINE_ROWS)]),
        ("Calls", f"{path}/calls", [*entity, *_cursor(visit, "calls"), ("limit", _ROWS)]),
    )
    if line.data is None:
        return {"line": line, "status": line.status}
    totals = line.data["session"]
    shown = (calls.data or {}).get("data", [])
    if totals["call_count"] <= _WITH_SESSION:
        detail = await visit.ask("Session", path, entity)
        totals = totals if detail.data is None else detail.data
        added: sums.Sum | None = sums.added(totals, totals.get("calls", []))
    elif visit.query.get("add_up") == "all":
        added = await _all_added(visit, path, entity, totals)
    else:
        added = None
    return {
        "line": line,
        "totals": totals,
        "sum": added,
        "traces": totals.get("trace_ids") or list(dict.fromkeys(call["trace_id"] for call in shown)),
        "bars": timeline.folded(line.data["items"]),
        "calls": calls,
        "said": await _said(visit, shown),
        "status": line.status,
    }


def _cursor(visit: Visit, of: str) -> list[tuple[str, str | None]]:
    cursor = visit.query.get(f"{of}_cursor")
    return [("cursor", cursor)] if cursor else []


async def _all_added(
    visit: Visit, path: str, entity: list[tuple[str, str | None]], totals: dict[str, Any]
) -> sums.Sum | None:
    """All calls of a long session, fetched page by page; None where the API stopped answering."""
    calls: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await visit.ask_quietly(f"{path}/calls", [*entity, ("cursor", cursor), ("limit", "1000")])
        if page.data is None:
            return None
        calls += page.data["data"]
        cursor = page.data["next_cursor"]
        if cursor is None:
            return sums.added(totals, calls)


async def _said(visit: Visit, calls: list[dict[str, Any]]) -> list[content.Said]:
    """What was said until the last turn of `calls`: its prompt has all that was said before."""
    turns = [call for call in calls if call["operation"] in semconv.TURN_OPERATIONS and not call["is_error"]]
    if not turns:
        return []
    last = await visit.ask("Last turn", call_path(turns[-1]["trace_id"], turns[-1]["span_id"]))
    return [] if last.data is None else content.conversation(last.data["attributes"])


async def call(visit: Visit) -> dict[str, Any]:
    """Ask for one call."""
    path = call_path(visit.query.get("trace_id", ""), visit.query.get("span_id", ""))
    answer = await visit.ask("Call", path)
    said = [] if answer.data is None else content.conversation(answer.data["attributes"])
    return {"answer": answer, "said": said, "status": answer.status}


def call_path(trace_id: str, span_id: str) -> str:
    """The API's address of a call."""
    return f"/v1/analytics/calls/{segment(trace_id)}/{segment(span_id)}"
