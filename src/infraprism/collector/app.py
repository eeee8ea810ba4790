"""The collector as one ASGI application."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from infraprism.collector import health, problems
from infraprism.collector.access import api as keys_api
from infraprism.collector.access.gate import Gate
from infraprism.collector.access.hosts import LocalHostOnly
from infraprism.collector.access.keyring import Keyring
from infraprism.collector.access.scopes import required_by, scoped
from infraprism.collector.access.sign_in import SignIns
from infraprism.collector.analytics.routes import routes as analytics_routes
from infraprism.collector.budgets import api as budgets_api
from infraprism.collector.budgets.reserving import BusyError
from infraprism.collector.budgets.webhooks import Signer
from infraprism.collector.counters import Counters
from infraprism.collector.dashboard import routes as dashboard
from infraprism.collector.ingest.receiver import Receiver
from infraprism.collector.recosts import history_api
from infraprism.collector.recosts.history_api import HistoryApi
from infraprism.collector.store.interface import CannotAnswerError, Store
from infraprism.collector.upkeep import api as upkeep_api
from infraprism.collector.upkeep import backup_api


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
    signer: Signer | None = None,
    allow_private: bool = False,
    backups: Path | None = None,
    trace_url: str | None = None,
) -> Starlette:
    """The routes over `store`. `prices`: the user's own, read anew for each recost.
    `backups`: the folder of online backups; None allows none. `trace_url`: where the dashboard links for a
    trace, with ``{trace_id}`` in it.

    `signer`, `allow_private`: of the webhooks of budgets.

    Once there is a key, `api_key` or one in the store, every route asks for one with its scope.
    `local_only` refuses requests whose Host header does not name this machine. Raises `UndeclaredError` for a
    route that does not say which scope it asks for.
    """
    counters = Counters()
    receiver = Receiver(store, counters)
    history = HistoryApi(store, prices)
    keyring = Keyring(store, api_key)
    sign_ins = SignIns(keyring)
    routes = [
        scoped(Route("/v1/traces", receiver.traces, methods=["POST"]), "ingest"),
        scoped(Route("/v1/metrics", receiver.ignore, methods=["POST"]), "ingest"),
        scoped(Route("/v1/logs", receiver.logs, methods=["POST"]), "ingest"),
        scoped(Route(f"{history_api.CALLS}/{{ids:any_text}}", history.call), "read"),
        scoped(Route(history_api.RECOSTS, history.recosts, methods=["GET"]), "read"),
        scoped(Route(history_api.RECOSTS, history.recost, methods=["POST"]), "admin"),
        *budgets_api.routes(store, signer, allow_private=allow_private),
        *keys_api.routes(keyring),
        *upkeep_api.routes(store),
        *backup_api.routes(store, backups),
        *sign_ins.routes(),
        *health.routes(store, counters),
    ]
    routes += analytics_routes(store, counters, prices, routes)
    routes += dashboard.routes(trace_url=trace_url)
    for route in routes:
        required_by(route)
    middleware = [Middleware(LocalHostOnly)] if local_only else []
    app = Starlette(
        routes=routes,
        middleware=[*middleware, Middleware(Gate, keyring, sign_ins, routes)],
        exception_handlers={
            problems.Problem: problems.on_problem,
            BusyError: problems.on_no_answer,
            CannotAnswerError: problems.on_no_answer,
            HTTPException: problems.on_http_exception,
            Exception: problems.on_failure,
        },
    )
    app.state.keyring = keyring
    app.state.receiver = receiver  # for what comes over gRPC
    return app
