"""The Analytics API as the command line reads it: over HTTP, money as `Decimal`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from infraprism.cli import asking

_SECONDS = 30


def sessions(url: str) -> list[dict[str, Any]]:
    """Every session that the collector at `url` lists, page by page, the latest first."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = _get(f"{url}/v1/analytics/sessions", {} if cursor is None else {"cursor": cursor})
        rows += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def session(url: str, row: dict[str, Any]) -> dict[str, Any]:
    """One listed session with its calls."""
    entity = {name: row[name] or "" for name in ("entity_type", "entity_id")}
    answer: dict[str, Any] = _get(f"{url}/v1/analytics/sessions/{quote(row['session_id'], safe='')}", entity)
    return answer


def _get(url: str, parameters: dict[str, str]) -> Any:
    query = f"?{urlencode(parameters)}" if parameters else ""
    with asking.opener().open(url + query, timeout=_SECONDS) as response:
        return json.load(response, parse_float=Decimal, parse_int=int)
