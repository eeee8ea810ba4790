"""Holds calls against the budgets in force: what one may cost is estimated and reserved before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from infraprism import guard, semconv
from infraprism.openai import estimate
from infraprism.openai.charge import cost_of
from infraprism.openai.response import Reply, text
from infraprism.openai.target import Target
from infraprism.pricing import Cost, Status, Usage, money
from infraprism.sessions import Hold, Identity, Overrun, keeper

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from infraprism.openai.call import Call

#: How a request limits the tokens of a reply, and what is taken where it does not: a long reply's. A text
#: completion is limited by the API.
_LIMITS = ("max_tokens", "max_output_tokens", "max_completion_tokens")
_USUAL_TOKENS = 4096
_USUAL_TOKENS_OF_COMPLETION = 16
#: No request that the API takes asks for so many.
_BEYOND = 10**9
_GENERATING = semconv.TURN_OPERATIONS | {semconv.OPERATION_COMPACTION}


@guard.guarded("budget_unchecked")
def hold(target: Target, identity: Identity, arguments: Mapping[str, Any]) -> Hold:
    """Reserve what a call may cost; the result says whether a budget refuses it."""
    return keeper.reserve(identity, _asked(target, identity, arguments))


def unrecorded() -> None:
    """A call is made that nobody records."""
    guard.drop("budget_unchecked", "nothing records what is called, so nobody knows what it costs")


def admitted(call: Call, *, asks: bool) -> Call:
    """The call, unless a budget refuses it: then it ends. `asks`: the collector about shared ones.

    Raises:
        BudgetExceededError: the refusal.
    """
    hold = call.hold
    if asks and hold is not None and hold.shared:
        from infraprism.sessions.budgets import sharing

        try:
            _conclude(hold, sharing.ask(hold))
        except BaseException:
            call.give_up()
            raise
    return _let_through(call)


async def answered(call: Call, hold: Hold) -> Call:
    """As `admitted`, which did not ask yet."""
    from infraprism.sessions.budgets import sharing

    try:
        _conclude(hold, await sharing.ask_async(hold))
    except BaseException:
        call.give_up()
        raise
    return _let_through(call)


@guard.guarded("budget_unchecked")
def _conclude(hold: Hold, said: list[Overrun] | None) -> None:
    keeper.conclude(hold, said)


def _let_through(call: Call) -> Call:
    hold = call.hold
    if hold is None or hold.refusal is None:
        return call
    refusal, call.hold = hold.refusal, None  # whoever keeps the exception does not keep the call
    _report(hold, None, None)
    guard.drop("budget_refused", "a call did not fit into a budget")
    call.again(refusal)
    raise refusal


@guard.guarded("telemetry_error")
def settle(held: Hold | None, identity: Identity, cost: Cost | None, span: SpanContext | None = None) -> None:
    """A call has ended: what it cost is spent as far as it is known, and what was reserved is free again.

    `span`: of the call, where there was one.
    """
    amount = None if cost is None else cost.amount
    if amount or held is not None:
        keeper.settle(identity, held, amount or money.ZERO)
    if held is not None:
        _report(held, cost, span)


def _report(hold: Hold, cost: Cost | None, span: SpanContext | None) -> None:
    reservation, hold.reservation = hold.reservation, None
    if reservation is None:
        return
    from infraprism.sessions.budgets import sharing

    billed = None if cost is None or span is None else (span.trace_id, span.span_id)
    sharing.settle(reservation, billed, None if cost is None else cost.amount)


@guard.guarded("telemetry_error")
def _asked(target: Target, identity: Identity, arguments: Mapping[str, Any]) -> Decimal | None:
    """What a call may cost, in USD; None where nobody knows."""
    surface = target.surface
    billed = {} if surface.billed is None else surface.billed(arguments)
    if billed:
        usage = Usage()._replace(**billed)
    else:
        usage = estimate.usage(target.model, estimate.snapshot(arguments), ())
        usage = usage._replace(output_tokens=_outputs(surface.operation, arguments))
    tier = text(arguments.get("service_tier"))
    cost = cost_of(
        surface,
        target.server,
        identity,
        Reply(),
        usage,
        asked_model=target.model,
        at=datetime.now(UTC),
        asked_tier=tier,
    )
    # An amount of 0 that is a floor is no estimate.
    return cost.amount if cost.amount or cost.status is Status.FREE else None


def _outputs(operation: str, arguments: Mapping[str, Any]) -> int:
    """The tokens that a reply may have, over all its choices."""
    if operation not in _GENERATING:
        return 0
    tokens = _USUAL_TOKENS_OF_COMPLETION if operation == semconv.OPERATION_TEXT_COMPLETION else _USUAL_TOKENS
    for name in _LIMITS:
        tokens = _count(arguments.get(name)) or tokens
    return tokens * (_count(arguments.get("n")) or 1)


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < _BEYOND else None
