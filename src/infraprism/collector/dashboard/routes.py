"""The addresses of the dashboard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infraprism.collector.access.scopes import scoped
from infraprism.collector.access.sign_in import SIGN_IN, WRONG
from infraprism.collector.dashboard import rendering
from infraprism.collector.dashboard.asking import NotSignedInError
from infraprism.collector.dashboard.pages.entity import entity
from infraprism.collector.dashboard.pages.metrics import metrics
from infraprism.collector.dashboard.pages.overview import overview
from infraprism.collector.dashboard.pages.prices import prices
from infraprism.collector.dashboard.pages.sessions import call, session, sessions
from infraprism.collector.dashboard.visit import Visit

Page = Callable[[Visit], Awaitable[dict[str, Any]]]
_PAGES: Final[dict[str, tuple[str, Page]]] = {
    "/": ("overview.html", overview),
    "/sessions": ("sessions.html", sessions),
    "/session": ("session.html", session),
    "/call": ("call.html", call),
    "/entity": ("entity.html", entity),
    "/session-metrics": ("metrics.html", metrics),
    "/prices": ("prices.html", prices),
}


def routes(*, trace_url: str | None = None) -> list[BaseRoute]:
    """The pages and their files. They answer GET alone, and show what the API lets the visitor see.

    `trace_url`: the address of a trace in the user's tracing backend, with ``{trace_id}`` in it.
    """
    compressed = [Middleware(GZipMiddleware, minimum_size=1000)]
    pages = [
        Route(path, _endpoint(template, page, trace_url), methods=["GET"], middleware=compressed)
        for path, (template, page) in _PAGES.items()
    ]
    pages.append(Route(SIGN_IN, _sign_in, methods=["GET"], middleware=compressed))
    pages += [
        Route(f"/static/{name}", _static(name), methods=["GET"], middleware=compressed)
        for name in rendering.STATIC
    ]
    # Each page asks the API for all that it shows, which asks for the visitor's key.
    return [scoped(page, "open") for page in pages]


def _endpoint(template: str, page: Page, trace_url: str | None) -> Callable[[Request], Awaitable[Response]]:
    def trace(trace_id: str) -> str | None:
        return None if trace_url is None else trace_url.replace("{trace_id}", trace_id)

    async def endpoint(request: Request) -> Response:
        visit = Visit(request)
        try:
            context = await page(visit)
        except NotSignedInError:
            asked = str(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(asked, safe='')}", 303, rendering.HEADERS)
        return await rendering.page(template, visit, {"trace": trace, **context})

    return endpoint


async def _sign_in(request: Request) -> Response:
    wanted = {"next": request.query_params.get("next", "/"), "is_wrong": WRONG in request.query_params}
    return await rendering.page("sign-in.html", Visit(request), wanted)


def _static(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        content, _ = rendering.static(name)
        return Response(
            content,
            media_type=rendering.STATIC[name],
            headers={**rendering.HEADERS, "Cache-Control": "public, max-age=31536000, immutable"},
        )

    return endpoint
