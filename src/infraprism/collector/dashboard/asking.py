"""Questions to the collector's own HTTP API, asked inside of the process, by the visitor's own right."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2
from starlette.requests import Request

#: What of the visitor's request says who asks, and whom.
_OF_THE_VISITOR: Final = ("authorization", "cookie", "host")

#: Lists whose rows the API writes as CSV too.
_CSV: Final = (
    "/v1/analytics/sessions?",
    "/v1/analytics/entities?",
    "/v1/analytics/models?",
)

Parameters = Iterable[tuple[str, str | None]]


class NotSignedInError(Exception):
    """The API wants a key that the visitor has not shown."""


@dataclass(frozen=True)
class Answer:
    """What the API answered: `data`, or in plain words the `problem`, which then is not None."""

    #: Path and query, as `curl` would ask.
    address: str
    status: int
    data: Any = None
    problem: str | None = None
    #: Further members of the problem.
    members: Any = None

    @property
    def has_csv(self) -> bool:
        """Whether the API writes these rows as CSV too."""
        return self.address.startswith(_CSV)

    @property
    def csv(self) -> str:
        """The address of the same rows as CSV, all pages of them."""
        path, _, query = self.address.partition("?")
        kept = [pair for pair in query.split("&") if pair.partition("=")[0] not in ("", "limit", "cursor")]
        return f"{path}?{'&'.join([*kept, 'format=csv'])}"


def address(path: str, parameters: Parameters = ()) -> str:
    """`path` with its query; a parameter that is None is left out, an empty one is not."""
    query = urlencode([(name, value) for name, value in parameters if value is not None], quote_via=quote)
    return f"{path}?{query}" if query else path


def segment(text: str) -> str:
    """`text` as one segment of a path, whatever it holds."""
    # A dot alone would be taken for the folder, and is never encoded by `quote`.
    return quote(text, safe="").replace(".", "%2E") if not text.strip(".") else quote(text, safe="")


class Api:
    """The API as one visitor sees it."""

    def __init__(self, request: Request) -> None:
        client = request.client
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(
                app=request.app,
                raise_app_exceptions=False,
                client=(client.host, client.port) if client is not None else ("127.0.0.1", 0),
            ),
            base_url="http://collector",
            headers=[(name, request.headers[name]) for name in _OF_THE_VISITOR if name in request.headers],
            timeout=None,  # there is no network in between
            trust_env=False,
        )

    async def get(self, path: str, parameters: Parameters = ()) -> Answer:
        """Ask; a refusal is an answer too. Raises `NotSignedInError`."""
        asked = address(path, parameters)
        response = await self._client.get(asked)
        if response.status_code == 401:
            raise NotSignedInError
        try:
            data = json.loads(response.content, parse_float=Decimal)
        except ValueError:
            return Answer(asked, response.status_code, problem="the collector's answer could not be read")
        if response.status_code == 200:
            return Answer(asked, 200, data)
        detail = data.get("detail") if isinstance(data, dict) else None
        return Answer(
            asked, response.status_code, problem=str(detail or "the collector did not say why"), members=data
        )
