"""A session as it went: its calls and other spans by time, how deep they lie, and its gaps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from infraprism.collector import wire
from infraprism.collector.analytics import answers
from infraprism.collector.store.questions.calls import Item

#: Idle time longer than this many nanoseconds is a gap.
GAP: Final = 60_000_000_000

#: Trace id and span id.
_Ids = tuple[str, str]


class Placed(NamedTuple):
    """An item, how many of its parents are in the session, and the gap before it: its start, or None."""

    item: Item
    depth: int
    idle_since: int | None


def placed(items: Sequence[Item], parents: dict[_Ids, str | None]) -> list[Placed]:
    """Each of `items`; `parents` has those of all that are above them too."""
    depths: dict[_Ids, int] = {}
    found = []
    for item in items:
        idle = item.busy_until is not None and item.started_at - item.busy_until > GAP
        found.append(Placed(item, _depth(item, parents, depths), item.busy_until if idle else None))
    return found


def shown(one: Placed, row: dict[str, Any], session_start: int) -> list[dict[str, Any]]:
    """The objects of one item: the gap before it, and itself with what `row` knows of it."""
    item = one.item
    own = {
        "kind": "call" if item.is_call else "span",
        "trace_id": item.trace_id,
        "span_id": item.span_id,
        "parent_span_id": item.parent_span_id,
        "name": row["name"],
        **_times(item.started_at, item.ended_at, session_start),
        "depth": one.depth,
    }
    if item.is_call:
        own |= answers.call(row)
    else:
        own |= {
            "is_error": row["is_error"],
            "error_type": row["error_type"],
            "tags": dict(sorted(row["tags"].items())),
        }
    if one.idle_since is None:
        return [own]
    return [{"kind": "gap", **_times(one.idle_since, item.started_at, session_start)}, own]


def _times(start: int, end: int, session_start: int) -> dict[str, Any]:
    return {
        "started_at": wire.time(start),
        "ended_at": wire.time(end),
        "offset_ms": answers.milliseconds(session_start, start),
        "duration_ms": answers.milliseconds(start, end),
    }


def _depth(item: Item, parents: dict[_Ids, str | None], depths: dict[_Ids, int]) -> int:
    """How many spans are up the chain of parents; where senders made it a circle, it ends there."""
    chain: dict[_Ids, None] = {}
    at = (item.trace_id, item.span_id)
    while at in parents and at not in depths and at not in chain:
        chain[at] = None
        at = (at[0], parents[at] or "")
    depth = depths.get(at, -1)
    for one in reversed(chain):
        depth += 1
        depths[one] = depth
    return depths[item.trace_id, item.span_id]
