"""What the spans of a trace say of each other: whose session a call is in, and which one carries its money.

Worked out anew from all that is stored of a trace whenever a part of it arrives, so that the order of arrival
does not matter. Calls of the plugin say both themselves: traces that have no others are not looked at.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import duckdb

from infraprism import semconv
from infraprism.collector.ingest.calls import Batch, Call, Link, SessionSpan

#: Traces that are remembered to have calls of which others may tell something.
REMEMBERED_TRACES: Final = 100_000
#: Spans that are not stored, whose parents are remembered.
REMEMBERED_LINKS: Final = 50_000
#: Nanoseconds between the parts of a trace, at most.
_DAY: Final = 86_400 * 1_000_000_000

_OPEN: Final = """
    SELECT trace_id FROM calls
    WHERE is_session_inherited OR is_priced_here OR session_id IS NULL
    GROUP BY trace_id ORDER BY max(started_at) DESC LIMIT $limit
"""
_WITHIN: Final = """
    started_at BETWEEN $earliest AND $latest AND trace_id IN (SELECT unnest($traces::VARCHAR[]))
"""
_PARTS: Final = f"""
    SELECT trace_id, span_id, started_at, parent_span_id, session_id, entity_type, entity_id, operation,
        is_priced_here, is_session_inherited, is_entity_inherited,
        amount IS NOT NULL OR input_tokens IS NOT NULL OR output_tokens IS NOT NULL
    FROM calls WHERE {_WITHIN}
    UNION ALL
    SELECT trace_id, span_id, started_at, parent_span_id, session_id, entity_type, entity_id, NULL,
        false, false, false, NULL
    FROM spans WHERE {_WITHIN}
"""  # noqa: S608
_THESE: Final = """(
    SELECT unnest($trace_id::VARCHAR[]) AS trace_id, unnest($span_id::VARCHAR[]) AS span_id,
        unnest($started_at::BIGINT[]) AS started_at, unnest($session_id::VARCHAR[]) AS session_id,
        unnest($entity_type::VARCHAR[]) AS entity_type, unnest($entity_id::VARCHAR[]) AS entity_id,
        unnest($is_entity_inherited::BOOLEAN[]) AS is_entity_inherited
)"""
_SAME: Final = """
    calls.trace_id = these.trace_id AND calls.span_id = these.span_id AND calls.started_at = these.started_at
"""
_INHERIT: Final = f"""
    UPDATE calls SET session_id = these.session_id, entity_type = these.entity_type,
        entity_id = these.entity_id, is_session_inherited = these.session_id IS NOT NULL,
        is_entity_inherited = these.is_entity_inherited
    FROM {_THESE} AS these WHERE {_SAME}
"""  # noqa: S608
#: A call that another one carries the money of stays a span of its session.
_DEMOTE: Final = f"""
    INSERT INTO spans
    SELECT calls.trace_id, calls.span_id, parent_span_id, calls.started_at, ended_at, name, calls.session_id,
        calls.entity_type, calls.entity_id, tags, is_error, error_type, service_name, attributes
    FROM calls JOIN {_THESE} AS these ON {_SAME}
    WHERE calls.session_id IS NOT NULL AND NOT calls.is_session_inherited AND NOT EXISTS (
        SELECT 1 FROM spans WHERE spans.trace_id = these.trace_id AND spans.span_id = these.span_id
            AND spans.started_at = these.started_at
    )
"""  # noqa: S608
_REMOVE: Final = f"DELETE FROM calls USING {_THESE} AS these WHERE {_SAME}"  # noqa: S608


class _Session(NamedTuple):
    session_id: str | None
    entity_type: str | None
    entity_id: str | None
    is_entity_inherited: bool = False


class _Part(NamedTuple):
    """A call or a span of a trace; the fields are those of the query, in their order."""

    trace_id: str
    span_id: str
    started_at: int
    parent_span_id: str | None
    session_id: str | None
    entity_type: str | None
    entity_id: str | None
    operation: str | None
    is_priced_here: bool
    is_session_inherited: bool
    is_entity_inherited: bool
    #: Whether it has a usage or an amount; None for what is no call.
    carries: bool | None

    @property
    def own_session(self) -> _Session | None:
        if self.session_id is None or self.is_session_inherited:
            return None
        return _Session(self.session_id, self.entity_type, self.entity_id)


_NOBODY: Final = _Session(None, None, None)


class Traces:
    """Which traces are to be looked at. Belongs to the writer's thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = connection.execute(_OPEN, {"limit": REMEMBERED_TRACES}).fetchall()
        self._open: OrderedDict[str, None] = OrderedDict((trace_id, None) for (trace_id,) in reversed(rows))
        self._links: OrderedDict[tuple[str, str], str] = OrderedDict()

    def settle(self, connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch]) -> int:
        """Bring up to date what `batches` change, in the transaction that inserted them.

        Returns how many calls are gone because another one carries their money.
        """
        for batch in batches:
            self._note_links(batch.links)
        for batch in batches:
            for call in batch.calls:
                if call.session_id is None or call.is_priced_here:
                    self._open[call.trace_id] = None
                    self._open.move_to_end(call.trace_id)
        parts: list[Call | SessionSpan | Link] = []
        for batch in batches:
            parts += batch.calls
            parts += batch.spans
            parts += batch.links
        touched = {part.trace_id for part in parts if part.trace_id in self._open}
        while len(self._open) > REMEMBERED_TRACES:
            self._open.popitem(last=False)
        if not touched:
            return 0
        starts = [part.started_at for part in parts if part.trace_id in touched]
        bounds = {"earliest": min(starts) - _DAY, "latest": max(starts) + _DAY, "traces": sorted(touched)}
        traces: dict[str, list[_Part]] = {}
        for found in connection.execute(_PARTS, bounds).fetchall():
            traces.setdefault(found[0], []).append(_Part(*found))
        inherited: list[tuple[_Part, _Session]] = []
        others: list[tuple[_Part, _Session]] = []
        for found_parts in traces.values():
            trace = _Trace(found_parts, self._links)
            inherited += trace.inherited()
            others += ((part, _NOBODY) for part in trace.carried_by_others())
        if inherited:
            connection.execute(_INHERIT, _these(inherited))
        if others:
            connection.execute(_DEMOTE, _these(others))
            connection.execute(_REMOVE, _these(others))
            for part, _ in others:
                if part.parent_span_id is not None:
                    self._links[part.trace_id, part.span_id] = part.parent_span_id
        return len(others)

    def _note_links(self, links: Iterable[Link]) -> None:
        for link in links:
            self._links[link.trace_id, link.span_id] = link.parent_span_id
        while len(self._links) > REMEMBERED_LINKS:
            self._links.popitem(last=False)


class _Trace:
    """All that is known of one trace."""

    def __init__(self, parts: Sequence[_Part], links: OrderedDict[tuple[str, str], str]) -> None:
        self._parts = parts
        # A call that became a span comes as a call once more when it is delivered again.
        self._by_id = {
            part.span_id: part for part in sorted(parts, key=lambda part: part.carries is not None)
        }
        self._links = links

    def inherited(self) -> Iterator[tuple[_Part, _Session]]:
        """The calls without a session of their own whose session is another one than is stored."""
        own = {session for part in self._parts if (session := part.own_session) is not None}
        only = next(iter(own)) if len(own) == 1 else None
        for part in self._parts:
            if part.carries is None or part.own_session is not None:
                continue
            outer = (outer.own_session for outer in self._outwards(part))
            session = next((session for session in outer if session is not None), only)
            entity = (None, None) if part.is_entity_inherited else (part.entity_type, part.entity_id)
            if session is None:
                session = _Session(None, *entity)
            elif any(entity):
                session = _Session(session.session_id, *entity)
            else:
                session = session._replace(is_entity_inherited=True)
            if session != (part.session_id, part.entity_type, part.entity_id, part.is_entity_inherited):
                yield part, session

    def carried_by_others(self) -> Iterator[_Part]:
        """The calls priced here whose money is with one inside of them, or with the plugin's around them."""
        found: dict[str, _Part] = {}
        for part in self._parts:
            if not part.carries:
                continue
            for outer in self._outwards(part):
                if outer.carries is None or _is_turn(outer) != _is_turn(part):
                    continue
                if outer.is_priced_here:
                    found[outer.span_id] = outer
                elif outer.carries and part.is_priced_here:
                    found[part.span_id] = part
        yield from found.values()

    def _outwards(self, part: _Part) -> Iterator[_Part]:
        """The spans around a span that are stored, from the nearest on."""
        trace_id, met, span_id = part.trace_id, {part.span_id}, part.parent_span_id
        while span_id is not None and span_id not in met:
            met.add(span_id)
            outer = self._by_id.get(span_id)
            if outer is not None:
                yield outer
            span_id = self._links.get((trace_id, span_id)) if outer is None else outer.parent_span_id


def _is_turn(part: _Part) -> bool:
    return part.operation in semconv.TURN_OPERATIONS


def _these(parts: Sequence[tuple[_Part, _Session]]) -> dict[str, list[object]]:
    return {
        "trace_id": [part.trace_id for part, _ in parts],
        "span_id": [part.span_id for part, _ in parts],
        "started_at": [part.started_at for part, _ in parts],
        "session_id": [session[0] for _, session in parts],
        "entity_type": [session[1] for _, session in parts],
        "entity_id": [session[2] for _, session in parts],
        "is_entity_inherited": [session[3] for _, session in parts],
    }
