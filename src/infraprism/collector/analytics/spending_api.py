"""The routes of what costs how much: entities, models, tags; costs by any side; what has no price."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import Response

from infraprism import semconv
from infraprism.collector import wire
from infraprism.collector.analytics import answers, cursors, exports, filtering, periods
from infraprism.collector.analytics.declared import Parameter
from infraprism.collector.analytics.grouping import COST_GROUPS
from infraprism.collector.analytics.operations import Asking, Operation
from infraprism.collector.analytics.periods import Period
from infraprism.collector.problems import Problem
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import costs, spenders, unpriced
from infraprism.collector.store.questions.asked import Row
from infraprism.collector.store.questions.spenders import Kind, Place
from infraprism.collector.wire import JSONAnswer
from infraprism.pricing import CURRENCY, PriceFileError, load, version

_PREFIX: Final = "/v1/analytics"
#: Rows of one answer about costs, which has no pages.
MAX_ROWS: Final = 10_000
_COSTS: Final = (
    *filtering.COSTS,
    Parameter(
        "group_by", COST_GROUPS, "what a row is of, any number of times; a tag as `tag.<key>`", repeats=True
    ),
)
_NUMBERS: Final = (
    "session_count",
    "call_count",
    "turn_count",
    "error_count",
    "total_cost",
    "currency",
    "cost_status",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "first_seen_at",
    "last_activity_at",
)


class SpendingApi:
    """The questions about costs. `prices`: the file of the user's own."""

    def __init__(self, asking: Asking, prices: Path | None) -> None:
        self._asking = asking
        self._prices = prices

    def operations(self) -> list[Operation]:
        """All of them."""
        kinds: tuple[Kind, ...] = ("entities", "models", "tags")
        return [
            *(
                Operation(
                    f"{_PREFIX}/{kind}",
                    f"{kind.capitalize()} with what they cost",
                    filtering.SPENDERS,
                    partial(self.spenders, kind),
                )
                for kind in kinds
            ),
            Operation(f"{_PREFIX}/costs", "Costs, grouped and by time", _COSTS, self.costs),
            Operation(f"{_PREFIX}/unpriced", "Calls without a price", filtering.UNPRICED, self.unpriced),
            Operation(f"{_PREFIX}/prices", "The price list in force", (), self.prices),
        ]

    async def spenders(self, kind: Kind, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/entities`, `/models` and `/tags`."""
        limit, order = filtering.limit(values), (kind, values["sort"], values["order"])
        period, after = _period(values), None
        if values["cursor"] is not None:
            type_ = Decimal if values["sort"] == "total_cost" else int
            (value, *dates), texts = cursors.read(values["cursor"], order, [type_, int, int], 2)
            # The last thirty days go on: a list goes on in those that it began with.
            period, after = Period(*dates), Place(value, *texts)

        def question(connection: Connection) -> tuple[Any, str | None]:
            wanted = filtering.of_calls(values, period)
            rows = spenders.page(
                connection, kind, wanted, limit + 1, sort=values["sort"], order=values["order"], after=after
            )
            following = None
            if len(rows) > limit:
                place = spenders.place(kind, rows[limit - 1], values["sort"])
                following = cursors.write(order, [place.value, *period], place[1:])
            keys = tuple(spenders.KEYS[kind])
            data = [answers.spender(row, keys) for row in rows[:limit]]
            return (data if values["format"] == "json" else _file(values["format"], keys, data)), following

        data, following = await self._asking.ask(question)
        if values["format"] != "json":
            return exports.answer(data, values["format"], kind, following)
        return JSONAnswer({"data": data, "next_cursor": following, "has_more": following is not None})

    async def costs(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/costs`."""
        period, zone, by = _period(values), values["time_zone"], values["group_by"]
        edges = [] if values["interval"] == "none" else periods.edges(period, values["interval"], zone)
        rows = await self._asking.ask(
            lambda connection: costs.grouped(
                connection, filtering.of_calls(values, period), by, MAX_ROWS + 1, edges=edges
            )
        )
        if len(rows) > MAX_ROWS:
            raise Problem(
                400, f"more than {MAX_ROWS} rows; ask for less time, or by less", parameter="group_by"
            )
        return JSONAnswer(
            {
                "period": {"start": wire.time(period.since), "end": wire.time(period.until)},
                "data": [_cost(row, edges, "part" in by) for row in rows],
            }
        )

    async def unpriced(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/unpriced`."""
        wanted, limit = filtering.of_calls(values, _period(values)), values["limit"]
        rows = await self._asking.ask(lambda connection: unpriced.calls(connection, wanted, limit + 1))
        return JSONAnswer({"data": [_unpriced(row) for row in rows[:limit]], "has_more": len(rows) > limit})

    async def prices(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/prices`: by which list calls are priced now."""
        try:
            own = None if self._prices is None else await anyio.to_thread.run_sync(load, self._prices)
        except PriceFileError as error:
            detail = f"{semconv.SETTING_PRICES} of the collector cannot be used: {error}"
            raise Problem(503, detail) from None
        return JSONAnswer(
            {
                "version": version(),
                "source": version().partition(" ")[0],
                "custom_file": None if self._prices is None else str(self._prices),
                "custom_version": None if own is None else own.version,
                "currency": CURRENCY,
                "listed_on": None,
            }
        )


def _period(values: dict[str, Any]) -> Period:
    return periods.period(values["start_date"], values["end_date"], values["time_zone"], time.time_ns())


def _file(kind: str, keys: tuple[str, ...], data: list[dict[str, Any]]) -> Iterator[bytes]:
    return exports.write(kind, (*keys, *_NUMBERS), [data])


def _cost(row: Row, edges: list[int], by_part: bool) -> dict[str, Any]:
    # A call has parts, and its tokens once: said of each part, they would be counted more than once.
    tokens = dict.fromkeys(answers.tokens(row)) if by_part else answers.tokens(row)
    start = {"start": wire.time(edges[row["bucket"]])} if edges else {"start": None}
    return {**start, "key": row["key"], "call_count": row["call_count"], **answers.cost(row), **tokens}


def _unpriced(row: Row) -> dict[str, Any]:
    shown = {**row, "first_seen_at": wire.time(row["first_seen_at"])}
    setting = None
    if row["reason"] in ("price_missing", "price_of_part_missing"):
        # Question marks are no prices: what is not filled in is told, and does not become 0.
        setting = (
            "[[prices]]\n"
            f"provider = {_quoted(row['provider'])}\n"
            f"model = {_quoted(row['model'])}\n"
            'input = "?"   # USD per million tokens\n'
            'output = "?"\n'
        )
    return {**shown, "last_seen_at": wire.time(row["last_seen_at"]), "setting": setting}


def _quoted(text: str) -> str:
    # JSON's quotes are TOML's, but for pairs of surrogates, which it writes instead of an emoji.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
