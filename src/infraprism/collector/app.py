"""The collector as one ASGI application."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from infraprism.collector import access, problems
from infraprism.collector.analytics import api
from infraprism.collector.analytics.api import Api
from infraprism.collector.counters import Counters
from infraprism.collector.dashboard import routes as dashboard
from infraprism.collector.ingest.receiver import Receiver
from infraprism.collector.recosts import history_api
from infraprism.collector.recosts.history_api import HistoryApi
from infraprism.collector.store.embedded import Store


class _AnyText(Convertor[str]):
    """The rest of the path: like Starlette's own `path`, but across line ends too."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("any_text", _AnyText())


def create_app(
    store: Store,
    *,
    api_key: str | None = None,
    local_only: bool = False,
    prices: Path | None = None,
    trace_url: str | None = None,
) -> Starlette:
    """The routes over `store`. `prices`: the user's own, read anew for each recost.

    `trace_url`: the address of a trace in the user's tracing backend, for the dashboard.

    With `api_key`, everything but the health check asks for it. `local_only` refuses requests whose Host
    header does not name this machine.
    """
    counters = Counters()
    receiver = Receiver(store, counters)
    analytics = Api(store, counters)
    history = HistoryApi(store, prices)
    middleware = []
    if local_only:
        middleware.append(Middleware(access.LocalHostOnly))
    if api_key is not None:
        middleware.append(Middleware(access.KeyRequired, api_key))
    return Starlette(
        routes=[
            Route("/v1/traces", receiver.traces, methods=["POST"]),
            Route("/v1/metrics", receiver.ignore, methods=["POST"]),
            Route("/v1/logs", receiver.logs, methods=["POST"]),
            Route(api.SESSIONS, analytics.sessions),
            Route(f"{api.SESSIONS}/{{session_id:any_text}}", analytics.session),
            Route(f"{history_api.CALLS}/{{ids:any_text}}", history.call),
            Route(history_api.RECOSTS, history.recosts, methods=["GET"]),
            Route(history_api.RECOSTS, history.recost, methods=["POST"]),
            Route("/v1/status", analytics.status),
            Route(access.HEALTH, analytics.health),
            *dashboard.routes(trace_url=trace_url),
        ],
        middleware=middleware,
        exception_handlers={
            problems.Problem: problems.on_problem,
            HTTPException: problems.on_http_exception,
            Exception: problems.on_failure,
        },
    )
