"""The parameters of the questions, and the filters that they make."""

from __future__ import annotations

from typing import Any, Final, get_args

from infraprism.collector.analytics import declared, periods
from infraprism.collector.analytics.declared import (
    AMOUNT,
    ANY_TEXT,
    FLAG,
    MOMENT,
    TEXT,
    Parameter,
    choice,
    whole,
)
from infraprism.collector.analytics.periods import Period
from infraprism.collector.problems import Problem
from infraprism.collector.store.questions import sessions, spenders
from infraprism.collector.store.questions.filters import Filter

MAX_LIMIT: Final = 1000
#: Rows of one file; what comes behind them has a cursor.
EXPORT_LIMIT: Final = 100_000

ENTITY: Final = (
    Parameter("entity_type", ANY_TEXT, "of this type of entity; empty: without an entity type"),
    Parameter("entity_id", ANY_TEXT, "of this entity; empty: without an entity id"),
)
LIMIT: Final = Parameter("limit", whole(MAX_LIMIT), "rows of one answer", default=100)
#: Of a list that can be a file too.
_LIST_LIMIT: Final = Parameter(
    "limit", whole(EXPORT_LIMIT), f"rows of one answer; of JSON at most {MAX_LIMIT}, by default 100"
)
CURSOR: Final = Parameter("cursor", TEXT, "`next_cursor` of the answer before")
ORDER: Final = Parameter("order", choice("desc", "asc"), "the largest or the smallest first", default="desc")
ZONE: Final = Parameter(
    "time_zone", declared.ZONE, "the time zone of dates, days and hours", default=declared.ZONE.read("UTC")
)

_DATES: Final = (
    Parameter("start_date", MOMENT, "at or after this date or time"),
    Parameter("end_date", MOMENT, "up to the end of this date, or before this time"),
)
#: What a call was.
_OF_CALLS: Final = (
    *ENTITY,
    Parameter("session_id", TEXT, "of sessions whose id begins so"),
    *_DATES,
    Parameter("model", TEXT, "that asked for this model, or were answered by it"),
    Parameter("provider", TEXT, "of this provider"),
    Parameter("tag.", ANY_TEXT, "with this value of the tag", is_prefix=True),
)
_OF_SESSIONS: Final = (
    Parameter("min_cost", AMOUNT, "of sessions that cost this many dollars or more"),
    Parameter("max_cost", AMOUNT, "of sessions that cost this many dollars or less"),
    Parameter(
        "status",
        choice("priced", "estimated", "partial", "unpriced", "free"),
        "of sessions with this `cost_status`",
    ),
    Parameter("has_errors", FLAG, "of sessions in which calls failed, or none did"),
    Parameter("unpriced", FLAG, "of sessions with calls that have no known amount, or without"),
)


def sort(words: Any, default: str) -> Parameter:
    """The parameter that chooses among `words`, a `Literal`."""
    return Parameter("sort", choice(*get_args(words)), "what the rows are sorted by", default=default)


def file_format(*words: str) -> Parameter:
    """The parameter that chooses the form of the answer."""
    return Parameter(
        "format", choice("json", *words), "a page as JSON, or all rows as a file", default="json"
    )


SESSION_LIST: Final = (
    *_OF_CALLS,
    *_OF_SESSIONS,
    sort(sessions.Sort, "last_activity_at"),
    ORDER,
    CURSOR,
    _LIST_LIMIT,
    file_format("csv", "jsonl", "parquet"),
)
CALL_LIST: Final = (*ENTITY, CURSOR, LIMIT)
METRICS: Final = (
    *_OF_CALLS,
    *_OF_SESSIONS,
    ZONE,
    Parameter("interval", choice("day", "hour"), "the times that `series` is cut in", default="day"),
    Parameter("compare", choice("previous", "none"), "with the period before, or not", default="previous"),
)
SPENDERS: Final = (
    *_OF_CALLS,
    ZONE,
    sort(spenders.Sort, "total_cost"),
    ORDER,
    CURSOR,
    _LIST_LIMIT,
    file_format("csv"),
)
COSTS: Final = (
    *_OF_CALLS,
    ZONE,
    Parameter("interval", choice("none", "hour", "day", "month"), "the times to cut by", default="none"),
)
UNPRICED: Final = (*_OF_CALLS, ZONE, LIMIT)


def of_sessions(values: dict[str, Any]) -> Filter:
    """The filter of a list of sessions: its dates are of their last activity, in UTC."""
    start, end = values["start_date"], values["end_date"]
    since = None if start is None else periods.since(start)
    until = None if end is None else periods.until(end)
    if since is not None and until is not None and since >= until:
        raise Problem(400, "end_date must be later than start_date", parameter="end_date")
    return _filter(values, since, until)


def of_calls(values: dict[str, Any], period: Period) -> Filter:
    """The filter of a question about the calls of a period."""
    return _filter(values, *period)


def limit(values: dict[str, Any]) -> int:
    """How many rows are asked for: of a page, or of a file."""
    if values["format"] != "json":
        return values["limit"] or EXPORT_LIMIT
    asked: int = values["limit"] or LIMIT.default
    if asked > MAX_LIMIT:
        raise Problem(400, f"limit must be a whole number from 1 to {MAX_LIMIT}", parameter="limit")
    return asked


def _filter(values: dict[str, Any], since: int | None, until: int | None) -> Filter:
    named = {name: values[name] for name in Filter.__dataclass_fields__ if name in values}
    return Filter(**named, tags=values["tag."], since=since, until=until)
