"""Templates to HTML, and the headers under which a browser shows it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import anyio
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from infraprism import __version__
from infraprism.collector.dashboard import wording
from infraprism.collector.dashboard.periods import OFFERED_DAYS
from infraprism.collector.dashboard.visit import Visit

_FOLDER: Final = Path(__file__).parent
#: Files of the pages, by name, with their type.
STATIC: Final = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: For everything that the dashboard answers.
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: Pages are drawn off the event loop, which receives spans meanwhile; one at a time takes one core at most.
_DRAWING: Final = anyio.CapacityLimiter(1)


async def page(template: str, visit: Visit, context: dict[str, Any]) -> Response:
    """The page of `template`; `status` in `context` is its HTTP status, else 200."""

    def draw() -> str:
        return _environment().get_template(template).render(visit=visit, **context)

    status = context.get("status", 200)
    return HTMLResponse(
        await anyio.to_thread.run_sync(draw, limiter=_DRAWING),
        status_code=status,
        headers={**HEADERS, "Cache-Control": "no-store"},
    )


@cache
def static(name: str) -> tuple[bytes, str]:
    """Content of a file of the pages, one of `STATIC`, and a fingerprint of it."""
    content = (_FOLDER / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for filter_ in (
        wording.exact,
        wording.dollars,
        wording.brief,
        wording.cost,
        wording.cost_of_call,
        wording.count,
        wording.percent,
        wording.duration,
        wording.moment,
        wording.day,
        wording.entity,
        wording.plural,
        wording.reason,
        wording.status,
    ):
        environment.filters[filter_.__name__] = filter_
    environment.globals.update(
        static=lambda name: f"/static/{name}?v={static(name)[1]}",
        version=__version__,
        offered_days=OFFERED_DAYS,
    )
    return environment
