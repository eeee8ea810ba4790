"""Which sessions, or which calls, a question is about."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from infraprism.collector.store import dialect
from infraprism.collector.store.dialect import Money
from infraprism.collector.store.questions import numbers
from infraprism.collector.store.questions.asked import Asked


@dataclass(frozen=True)
class Filter:
    """What is asked for; None does not ask. An empty entity stands for "without one"."""

    #: The beginning of a session id, or with `whole_id` all of it.
    session_id: str | None = None
    whole_id: bool = False
    entity_type: str | None = None
    entity_id: str | None = None
    #: Unix nanoseconds: at or after `since`, before `until`. Of a session its last activity counts, of a
    #: call its start.
    since: int | None = None
    until: int | None = None
    #: As it was asked for, or as it answered.
    model: str | None = None
    provider: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    #: Of the known amounts of a session, both included.
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    #: A cost status of a session.
    status: str | None = None
    has_errors: bool | None = None
    unpriced: bool | None = None


def of_keys(wanted: Filter, asked: Asked) -> list[str]:
    """Conditions on whose a call is: true of all calls of a session, or of none."""
    found = []
    if wanted.session_id is not None:
        name = asked.bind(wanted.session_id)
        found.append(f"session_id = {name}" if wanted.whole_id else f"starts_with(session_id, {name})")
    for column in ("entity_type", "entity_id"):
        if (value := getattr(wanted, column)) == "":
            found.append(f"coalesce({column}, '') = ''")
        elif value is not None:
            found.append(f"{column} = {asked.bind(value)}")
    return found


def of_a_call(wanted: Filter, asked: Asked) -> list[str]:
    """Conditions on what a call was."""
    found = []
    if wanted.model is not None:
        name = asked.bind(wanted.model)
        found.append(f"(request_model = {name} OR response_model = {name})")
    if wanted.provider is not None:
        found.append(f"provider = {asked.bind(wanted.provider)}")
    for key, value in wanted.tags:
        found.append(f"{dialect.at('tags', asked.bind(key))} = {asked.bind(value)}")
    return found


def of_a_session(wanted: Filter, asked: Asked, money: Money) -> list[str]:
    """Conditions on the sums of a session, for HAVING. `numbers.of_calls` has their columns."""
    found = []
    for bound, comparison in ((wanted.min_cost, ">="), (wanted.max_cost, "<=")):
        if bound is not None:
            limit = money.bound(asked.bind(dialect.amount(bound)))
            found.append(f"{money.total('amount')} {comparison} {limit}")
    if wanted.status is not None:
        found.append(f"{numbers.STATUS} = {asked.bind(wanted.status)}")
    if wanted.has_errors is not None:
        found.append(f"{numbers.COUNTS['error_count']} {'>' if wanted.has_errors else '='} 0")
    if wanted.unpriced is not None:
        found.append(f"{numbers.COUNTS['unpriced_calls']} {'>' if wanted.unpriced else '='} 0")
    return found
