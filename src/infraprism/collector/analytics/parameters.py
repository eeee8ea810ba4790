"""Query parameters: text in, checked values out, or a problem that names the parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from infraprism.collector import times
from infraprism.collector.analytics import declared, filtering
from infraprism.collector.analytics.declared import MOMENT, Kind, Parameter
from infraprism.collector.problems import Problem
from infraprism.collector.store.history import CallFilter
from infraprism.collector.store.questions.filters import Filter


def _row_id(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError("must be the next_cursor of an earlier answer")
    return int(text)


_BEFORE: Final = Parameter(
    "cursor", Kind({"type": "string"}, _row_id), "`next_cursor` of the answer before: an id"
)


class RecostRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/analytics/recosts`; `docs/api.md` says what it means."""

    since: str
    until: str | None = None
    model: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    unpriced: bool = False
    dry_run: bool = False


def one_session(pairs: Iterable[tuple[str, str]], session_id: str) -> Filter:
    """The filter that finds one session. Raises `Problem`."""
    values = declared.read(pairs, filtering.ENTITY)
    return Filter(session_id, True, values["entity_type"], values["entity_id"])


def recost_list(pairs: Iterable[tuple[str, str]]) -> int:
    """How many recosts are asked for. Raises `Problem`."""
    limit: int = declared.read(pairs, (filtering.LIMIT,))["limit"]
    return limit


def audit_list(pairs: Iterable[tuple[str, str]]) -> tuple[int, int | None]:
    """How many rows of the audit are asked for, and before which id. Raises `Problem`."""
    values = declared.read(pairs, (_BEFORE, filtering.LIMIT))
    return values["limit"], values["cursor"]


def call_ids(path: str) -> tuple[str, str]:
    """Trace id and span id of ``{trace_id}/{span_id}``, in lower case. Raises `Problem`."""
    trace_id, _, span_id = path.lower().partition("/")
    for name, value, digits in (("trace_id", trace_id, 32), ("span_id", span_id, 16)):
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            raise Problem(400, f"{name} must be {digits} hexadecimal digits", parameter=name)
    return trace_id, span_id


def recost(body: bytes) -> tuple[CallFilter, bool]:
    """Which calls are to be priced again, and whether only to see what would change. Raises `Problem`."""
    try:
        asked = msgspec.json.decode(body, type=RecostRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not what is asked for: {error}") from None
    for name in ("model", "entity_type", "entity_id"):
        if getattr(asked, name) == "":
            raise Problem(400, f"{name} must not be empty; leave it out for all", parameter=name)
    wanted = CallFilter(
        since=_nanoseconds("since", asked.since),
        until=None if asked.until is None else _nanoseconds("until", asked.until),
        model=asked.model,
        entity_type=asked.entity_type,
        entity_id=asked.entity_id,
        unpriced=asked.unpriced,
    )
    if wanted.until is not None and wanted.until <= wanted.since:
        raise Problem(400, "until must be later than since", parameter="until")
    if wanted.entity_id is not None and wanted.entity_type is None:
        raise Problem(400, "entity_id needs an entity_type beside it", parameter="entity_id")
    return wanted, asked.dry_run


def none(pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse every parameter. Raises `Problem`."""
    declared.read(pairs, ())


def _nanoseconds(name: str, text: str) -> int:
    """Unix nanoseconds from 1970 on of a date (its first moment in UTC) or of a time with zone."""
    found = times.nanoseconds(Parameter(name, MOMENT, "").read(name, text))
    return max(found or 0, 0)
