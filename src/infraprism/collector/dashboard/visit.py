"""One visit of a page: what its address asks for, how to ask the API, where links lead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request

from infraprism.collector.access.sign_in import COOKIE
from infraprism.collector.dashboard import asking, periods
from infraprism.collector.dashboard.asking import Answer, Api, Parameters

#: What every link of a page takes along.
_KEPT: Final = ("days", "start_date", "end_date", "time_zone")
SESSIONS: Final = "/v1/analytics/sessions"


class Visit:
    """What a page is made from.

    Attributes:
        query: the parameters of the page's address, each once; empty ones count only for entities.
        period: the stretch of time that is asked about, and the time zone.
        is_signed_in: whether there is something to sign out of.
        answers: all that was asked of the API, in order: the page's twins.
    """

    def __init__(self, request: Request) -> None:
        self.path = request.url.path
        self.query = dict(request.query_params)
        self.period = periods.read(self.query, request.cookies, datetime.now(UTC))
        self.answers: list[tuple[str, Answer]] = []
        self.is_signed_in = COOKIE in request.cookies
        self._api = Api(request)

    async def ask(self, title: str, path: str, parameters: Parameters = ()) -> Answer:
        """Ask the API; the page shows the address by `title`. Raises `asking.NotSignedInError`."""
        answer = await self.ask_quietly(path, parameters)
        self.answers.append((title, answer))
        return answer

    async def ask_quietly(self, path: str, parameters: Parameters = ()) -> Answer:
        """As `ask`, but the page does not show the address."""
        return await self._api.get(path, parameters)

    async def ask_all(self, *questions: tuple[str, str, Parameters]) -> list[Answer]:
        """Ask several questions at once."""
        answers = await asyncio.gather(
            *(self._api.get(path, parameters) for _, path, parameters in questions)
        )
        self.answers += zip((title for title, _, _ in questions), answers, strict=True)
        return answers

    def wanted(self, *names: str) -> list[tuple[str, str | None]]:
        """Those parameters of the page's address that are filled in."""
        return [(name, self.query[name].strip()) for name in names if self.query.get(name, "").strip()]

    def entity(self) -> list[tuple[str, str | None]]:
        """The entity of the page's address; an empty type or id asks for those without."""
        return [(name, self.query[name]) for name in ("entity_type", "entity_id") if name in self.query]

    def link(self, path: str, **parameters: Any) -> str:
        """The address of a page, with the period and the zone of this one."""
        kept = [(name, self.query[name]) for name in _KEPT if self.query.get(name) and name not in parameters]
        return asking.address(path, [*_texts(parameters.items()), *kept])

    def again(self, **changes: Any) -> str:
        """The address of this page with some parameters changed; None takes one away."""
        merged = {**self.query, **changes}
        return asking.address(
            self.path,
            _texts(
                (name, value)
                for name, value in merged.items()
                if value != "" or name in ("entity_type", "entity_id")
            ),
        )

    def session(self, row: dict[str, Any]) -> str:
        """The page of a session."""
        return self.link(
            "/session",
            session_id=row["session_id"],
            entity_type=row["entity_type"] or "",
            entity_id=row["entity_id"] or "",
        )

    def of_entity(self, row: dict[str, Any]) -> str:
        """The page of an entity."""
        return self.link("/entity", entity_type=row["entity_type"] or "", entity_id=row["entity_id"] or "")


def _texts(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, str | None]]:
    return [(name, None if value is None else str(value)) for name, value in pairs]
