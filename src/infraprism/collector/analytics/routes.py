"""All routes of the Analytics API that ask."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Route

from infraprism.collector.access.scopes import scoped
from infraprism.collector.analytics.api import SESSIONS, SessionsApi, StatusApi
from infraprism.collector.analytics.operations import Asking
from infraprism.collector.counters import Counters
from infraprism.collector.store.embedded import Store


def routes(store: Store, counters: Counters, prices: Path | None) -> list[BaseRoute]:
    """The routes over `store`. `prices`: the file of the user's own."""
    asking = Asking(store)
    of_sessions = SessionsApi(asking)
    listed, *_ = of_sessions.operations()
    return [
        listed.route(),
        scoped(Route(f"{SESSIONS}/{{rest:any_text}}", of_sessions.below, methods=["GET"]), "read"),
        scoped(Route("/v1/status", StatusApi(store, counters).status, methods=["GET"]), "read"),
    ]
