"""The calls of a session added up, part by part. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from infraprism.pricing import money

#: What of a call's cost is in none of its parts.
_REST = "unexplained"


class Sum(NamedTuple):
    """What the calls of a session cost together; US dollars."""

    calls: int
    #: By the name of the part; together they are `total`.
    parts: dict[str, Decimal]
    total: Decimal
    #: Whether these are all calls of the session, and its total is theirs.
    agrees: bool


def added(session: dict[str, Any], calls: Sequence[dict[str, Any]]) -> Sum:
    """The sum of `calls`, compared with what `session` says."""
    parts: dict[str, Decimal] = {}
    total = money.ZERO
    for call in calls:
        if call["cost"] is None:
            continue
        rest = Decimal(call["cost"])
        total = money.EXACT.add(total, rest)
        for part, amount in call["cost_parts"].items():
            parts[part] = money.EXACT.add(parts.get(part, money.ZERO), amount)
            rest = money.EXACT.subtract(rest, amount)
        if rest:
            parts[_REST] = money.EXACT.add(parts.get(_REST, money.ZERO), rest)
    agrees = total == session["total_cost"] and len(calls) == session["call_count"]
    return Sum(len(calls), dict(sorted(parts.items())), total, agrees)
