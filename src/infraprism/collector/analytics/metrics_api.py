"""`GET /v1/analytics/metrics/sessions`: sessions in numbers, beside those of the period before."""

from __future__ import annotations

import time
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from infraprism.collector import wire
from infraprism.collector.analytics import answers, filtering, periods
from infraprism.collector.analytics.declared import Parameter
from infraprism.collector.analytics.grouping import METRIC_GROUPS
from infraprism.collector.analytics.operations import Asking, Operation
from infraprism.collector.analytics.periods import Period
from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import metrics
from infraprism.collector.store.questions.asked import Row
from infraprism.collector.wire import JSONAnswer
from infraprism.pricing import CURRENCY

PATH: Final = "/v1/analytics/metrics/sessions"
#: Lower edges of the histograms: 1, 2, 5 and so on, and what is below.
_COSTS: Final = (
    Decimal(0),
    *(Decimal(f"{digit}e{power}") for power in range(-5, 4) for digit in (1, 2, 5)),
)
_TURNS: Final = (0, *(digit * 10**power for power in range(4) for digit in (1, 2, 5)))
_NOTHING: Final = {
    "session_count": 0,
    "call_count": 0,
    "turn_count": 0,
    "error_count": 0,
    "cost": Decimal(0),
    "unpriced_calls": 0,
    "cost_median": None,
    "cost_p95": None,
    "turns_median": None,
    "turns_p95": None,
}
_PARAMETERS: Final = (
    *filtering.METRICS,
    Parameter("group_by", METRIC_GROUPS, "what `groups` is by; a tag as `tag.<key>`"),
)


class MetricsApi:
    """The question about sessions in numbers."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def operations(self) -> list[Operation]:
        """The one operation."""
        return [Operation(PATH, "Sessions in numbers", _PARAMETERS, self.sessions)]

    async def sessions(self, request: Request, values: dict[str, Any]) -> Response:
        """`GET /v1/analytics/metrics/sessions`."""
        zone, group_by = values["time_zone"], values["group_by"]
        now = periods.period(values["start_date"], values["end_date"], zone, time.time_ns())
        edges = periods.edges(now, values["interval"], zone)

        def question(connection: Connection) -> tuple[metrics.Metrics, Row | None]:
            found = metrics.sessions(
                connection,
                filtering.of_calls(values, now),
                edges=edges,
                group_by=group_by,
                cost_edges=_COSTS,
                turn_edges=_TURNS,
            )
            if values["compare"] == "none":
                return found, None
            earlier = metrics.sessions(connection, filtering.of_calls(values, now.before))
            return found, earlier.summary or _NOTHING

        found, before = await self._asking.ask(question)
        summary = found.summary or _NOTHING
        return JSONAnswer(
            {
                "period": _period(now),
                "previous": None if before is None else _period(now.before),
                "summary": _numbers(summary),
                "previous_summary": None if before is None else _numbers(before),
                "change": None if before is None else _change(summary, before),
                "series": [
                    {"start": wire.time(edge), **_numbers(found.series.get(number, _NOTHING))}
                    for number, edge in enumerate(edges[:-1])
                ],
                "histograms": {
                    "cost": _histogram(found.costs, _COSTS),
                    "turns": _histogram(found.turns, _TURNS),
                },
                "groups": [{"key": row["key"], **_numbers(row)} for row in found.groups[: metrics.GROUPS]],
                "more_groups": len(found.groups) > metrics.GROUPS,
            }
        )


def _period(one: Period) -> dict[str, str]:
    return {"start": wire.time(max(one.since, 0)), "end": wire.time(max(one.until, 0))}


def _numbers(row: Row) -> dict[str, Any]:
    sessions = row["session_count"]
    return {
        "session_count": sessions,
        **answers.counts(row),
        "total_cost": wire.number(row["cost"]),
        "currency": CURRENCY,
        "cost_status": answers.cost_status(row) if row["call_count"] else None,
        "unpriced_calls": row["unpriced_calls"],
        "cost_per_session": {
            "average": answers.number(answers.quotient(row["cost"], sessions)),
            "median": answers.number(row["cost_median"]),
            "p95": answers.number(row["cost_p95"]),
        },
        "turns_per_session": {
            "average": answers.number(answers.quotient(row["turn_count"], sessions)),
            "median": row["turns_median"],
            "p95": row["turns_p95"],
        },
        "cost_per_turn": answers.number(answers.quotient(row["cost"], row["turn_count"])),
    }


def _change(now: Row, before: Row) -> dict[str, Any]:
    fields = {
        **{name: name for name in ("session_count", "call_count", "turn_count", "error_count")},
        "total_cost": "cost",
        "unpriced_calls": "unpriced_calls",
    }
    percents = {name: answers.change(now[field], before[field]) for name, field in fields.items()}
    for name, field, by in (
        ("cost_per_session", "cost", "session_count"),
        ("turns_per_session", "turn_count", "session_count"),
        ("cost_per_turn", "cost", "turn_count"),
    ):
        averages = (answers.quotient(row[field], row[by]) for row in (now, before))
        percents[name] = answers.change(*averages)
    return {name: answers.number(percent) for name, percent in percents.items()}


def _histogram(found: dict[Any, int], edges: tuple[Any, ...]) -> list[dict[str, Any]]:
    """The bins from the first to the last that has sessions; the highest has no end."""
    bins = [(low, high, found.get(low, 0)) for low, high in pairwise([*edges, None])]
    filled = [number for number, (_, _, count) in enumerate(bins) if count]
    return [
        {"from": _edge(low), "to": _edge(high), "sessions": count}
        for low, high, count in (bins[filled[0] : filled[-1] + 1] if filled else ())
    ]


def _edge(value: Decimal | int | None) -> Any:
    return wire.number(value) if isinstance(value, Decimal) else value
