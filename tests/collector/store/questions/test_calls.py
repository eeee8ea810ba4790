"""The calls of a session, its traces and its timeline, against a model in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Call, SessionSpan
from infraprism.collector.store.questions import calls as questions
from infraprism.collector.store.questions.calls import Item, Moment
from infraprism.collector.store.questions.sessions import Key
from tests.collector.store.questions.conftest import Kept
from tests.support import modelled
from tests.support.otlp import NEW_YEAR, SECOND

HOUR = 3600 * SECOND


@st.composite
def spans(draw: st.DrawFn) -> list[SessionSpan]:
    """Spans of the sessions that calls have, too."""
    return [
        SessionSpan(
            trace_id=f"{draw(st.integers(1, 3)):032x}",
            span_id=f"{number:016x}",
            parent_span_id=draw(st.sampled_from([None, f"{1:016x}"])),
            started_at=(start := NEW_YEAR + draw(st.integers(0, 12)) * HOUR),
            ended_at=start + draw(st.sampled_from([0, SECOND])),
            name="tool",
            session_id=draw(st.sampled_from(["s", "s-1"])),
            entity_type=draw(st.sampled_from([None, "customer"])),
            entity_id=draw(st.sampled_from([None, "acme"])),
            tags=draw(st.sampled_from([{}, {"plan": "pro"}])),
            is_error=draw(st.booleans()),
            error_type=draw(st.sampled_from([None, "E"])),
            service_name=None,
            attributes="{}",
        )
        for number in range(100, 100 + draw(st.integers(0, 5)))
    ]


def moment(row: Call | SessionSpan) -> Moment:
    return Moment(row.started_at, row.ended_at, row.trace_id, row.span_id)


def seen(row: Call | SessionSpan, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def busy_until(before: Sequence[Call | SessionSpan]) -> int | None:
    return max((one.ended_at for one in before), default=None)


def reached(items: Sequence[Item], above: dict[tuple[str, str], str | None]) -> set[tuple[str, str]]:
    """The items, and all that are above them."""
    found: set[tuple[str, str]] = set()
    left = {(item.trace_id, item.span_id) for item in items}
    while left:
        found |= left
        left = {(trace, above[trace, span] or "") for trace, span in left} & above.keys() - found
    return found


@settings(max_examples=40, deadline=None)
@given(
    calls=modelled.calls(),
    others=spans(),
    limit=st.integers(1, 4),
    hours=st.tuples(*[st.integers(0, 13)] * 2),
)
def test_a_session_in_time(
    kept: Kept, calls: list[Call], others: list[SessionSpan], limit: int, hours: tuple[int, int]
) -> None:
    first, last = (NEW_YEAR + hour * HOUR for hour in sorted(hours))
    with kept(calls, others) as connection:
        for key, its in modelled.sessions(calls).items():
            session = Key(*key, modelled.first(its), modelled.last(its), 0)
            ordered = sorted(its, key=moment)

            paged: list[dict[str, Any]] = []
            while True:
                after = Moment(*(paged[-1][name] for name in Moment._fields)) if paged else None
                page = questions.of_session(connection, session, limit, after)
                paged += page
                if len(page) < limit:
                    break
            assert paged == [seen(call, [*row]) for call, row in zip(ordered, paged, strict=True)]

            starts = {trace: modelled.first(one) for trace, one in modelled.grouped(its, _trace).items()}
            assert (
                questions.trace_ids(connection, session, limit)
                == sorted(starts, key=lambda trace: (starts[trace], trace))[:limit]
            )

            beside = [
                one for one in others if key == (one.session_id, one.entity_type or "", one.entity_id or "")
            ]
            everything = sorted([*its, *beside], key=moment)
            items: list[Item] = []
            while len(part := questions.items(connection, session, limit, _end(items))) == limit:
                items += part
            items += part
            assert items == [
                Item(*moment(one), one.parent_span_id, isinstance(one, Call), busy_until(everything[:number]))
                for number, one in enumerate(everything)
            ]

            above = {(one.trace_id, one.span_id): one.parent_span_id for one in everything}
            parents = questions.parents(connection, session, items[:limit])
            assert parents == {ids: above[ids] for ids in reached(items[:limit], above)}

            found = questions.shown(connection, session, first, last)
            asked = {moment(one): one for one in everything if first <= one.started_at <= last}
            assert found == {place: seen(one, [*found.get(place, ())]) for place, one in asked.items()}
            assert all({"name", "is_error", "tags"} <= row.keys() for row in found.values())


def _trace(call: Call) -> str:
    return call.trace_id


def _end(items: Sequence[Item]) -> Moment | None:
    return items[-1].moment if items else None
