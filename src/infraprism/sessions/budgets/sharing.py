"""Holds calls against budgets that other processes spend from too: the collector is asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

from infraprism import guard, settings
from infraprism.sessions.budgets import line
from infraprism.sessions.budgets.budget import Budget, Overrun
from infraprism.sessions.budgets.keeper import Hold
from infraprism.sessions.budgets.line import Line

_PATH = "/v1/budgets/reservations"

_lock = threading.Lock()
_line: Line | None = None

#: What the collector says of a call: the budgets that it does not fit into; None where it did not say.
Said = list[Overrun] | None


@guard.guarded("budget_unshared")
def ask(hold: Hold) -> Said:
    """Ask the collector about a call, and wait for `line.TIMEOUT` seconds at most."""
    future = _asked(hold)
    if future is None:
        return None
    try:
        return _said(hold, future.result(line.TIMEOUT))
    except TimeoutError:
        _late()
        return None


async def ask_async(hold: Hold) -> Said:
    """The same without holding up the event loop; one of another kind than asyncio's is held up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return ask(hold)
    try:
        future = _asked(hold)
        if future is None:
            return None
        async with asyncio.timeout(line.TIMEOUT):
            return _said(hold, await asyncio.shield(asyncio.wrap_future(future)))
    except TimeoutError:
        _late()
        return None
    except Exception as error:  # noqa: BLE001 - as `guarded`, which is for what is not async
        guard.failed("budget_unshared", error)
        return None


@guard.guarded("budget_unsettled")
def settle(reservation: str, span: tuple[int, int] | None, amount: Decimal | None) -> None:
    """Tell the collector, in the background, what became of a call.

    `span`: its trace id and span id; None where there was no call, or none that is billed. `amount`: USD;
    None where that is not known.
    """
    path = f"{_PATH}/{reservation}"
    if span is None:
        future = _connected().report("DELETE", path, None)
    else:
        body = {
            "trace_id": f"{span[0]:032x}",
            "span_id": f"{span[1]:016x}",
            "amount": None if amount is None else format(amount, "f"),
        }
        future = _connected().report("POST", f"{path}/settle", body)
    if future is None:
        _unsettled()
    else:
        future.add_done_callback(_reported)


def _asked(hold: Hold) -> Future[line.Answer | None] | None:
    """The question on its way; None where nobody is asked."""
    identity, reservation = hold.identity, uuid.uuid4().hex
    body = {
        "id": reservation,
        "amount": None if hold.asked is None else format(hold.asked, "f"),
        "session_id": identity.session_id,
        "entity_type": identity.entity_type,
        "entity_id": identity.entity_id,
        "tags": dict(identity.tags),
        "budgets": [
            {
                "amount": format(budget.usd, "f"),
                "per": budget.per,
                "period": budget.period or "total",
                # What a function says to it is known only once it is asked.
                "action": "raise" if budget.action == "raise" else "warn",
                "entity_type": budget.entity_type,
                "entity_id": budget.entity_id,
            }
            for budget in hold.shared
        ],
    }
    future = _connected().ask(_PATH, body)
    if future is None:
        _unshared()
        return None
    # Even where no answer comes, it may be kept.
    hold.reservation = reservation
    return future


def _said(hold: Hold, answer: line.Answer | None) -> Said:
    if answer is None:
        _unshared()
        return None
    if not answer["allowed"]:
        hold.reservation = None
    return [*_overruns(hold, answer["overruns"])]


def _overruns(hold: Hold, said: Iterable[Mapping[str, Any]]) -> Iterable[Overrun]:
    """What does not fit: into the budgets asked about, and into those of the collector's own that refuse."""
    for one in said:
        place, of = one["index"], one["budget"]
        if place is None and of["action"] != "raise":
            continue  # the collector tells of it itself
        if place is not None:
            budget = hold.shared[place]
        else:
            budget = Budget(
                str(of["amount"]),
                of["per"],
                None if of["period"] == "total" else of["period"],
                "raise",
                entity_type=of["entity_type"],
                entity_id=of["entity_id"],
                shared=True,
            )
        yield Overrun(budget, hold.identity, Decimal(one["spent"]), Decimal(one["reserved"]), hold.asked)


def _connected() -> Line:
    global _line
    with _lock:
        if _line is None:
            known = settings.current()
            _line = Line(known.collector or known.listening, known.api_key)
        return _line


def _late() -> None:
    with contextlib.suppress(Exception):
        _connected().late()
    _unshared()


def _unshared() -> None:
    guard.drop("budget_unshared", "the collector did not answer: is INFRAPRISM_COLLECTOR right?")


def _reported(future: Future[line.Answer | None]) -> None:
    if future.cancelled() or future.exception() is not None or future.result() is None:
        _unsettled()


def _unsettled() -> None:
    guard.drop("budget_unsettled", "the collector was not told what a call cost")


def _after_fork() -> None:
    # Its threads and connections are the parent's.
    global _line, _lock
    _line, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
