"""All routes of the Analytics API that ask, and the document about all routes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute, Route

from infraprism.collector.access.scopes import scoped
from infraprism.collector.analytics import openapi
from infraprism.collector.analytics.api import SESSIONS, SessionsApi
from infraprism.collector.analytics.metrics_api import MetricsApi
from infraprism.collector.analytics.operations import Asking
from infraprism.collector.analytics.spending_api import SpendingApi
from infraprism.collector.analytics.status_api import StatusApi
from infraprism.collector.counters import Counters
from infraprism.collector.store.interface import Store


def routes(
    store: Store, counters: Counters, prices: Path | None, others: Sequence[BaseRoute]
) -> list[BaseRoute]:
    """The routes over `store`. `prices`: the file of the user's own. `others`: the routes beside these."""
    asking = Asking(store)
    of_sessions = SessionsApi(asking)
    listed, *below = of_sessions.operations()
    operations = [listed, *MetricsApi(asking).operations(), *SpendingApi(asking, prices).operations()]
    status = scoped(Route("/v1/status", StatusApi(store, counters).status, methods=["GET"]), "read")
    return [
        *(operation.route() for operation in operations),
        scoped(Route(f"{SESSIONS}/{{rest:any_text}}", of_sessions.below, methods=["GET"]), "read"),
        status,
        openapi.route([*operations, *below], [status, *others]),
    ]
