"""A model call that another instrumentation recorded: priced, added to its session, and stamped with both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode, format_span_id

from infraprism import dialects, guard, semconv
from infraprism.pricing import CURRENCY, Cost, Part, Status, money, price
from infraprism.sessions import Identity
from infraprism.tracing import callbacks, cost_metric, twins
from infraprism.tracing.bag import AttributeValue, read, write_late
from infraprism.tracing.ledger import Ledger

#: Source of a cost that only the instrumentation knows.
_INSTRUMENTATION: Final = "instrumentation"
_STATUSES: Final = {status.value: status for status in Status}


@guard.guarded("telemetry_error")
def account(
    span: ReadableSpan, operation: str | None, ledger: Ledger, meter_provider: MeterProvider | None = None
) -> bool:
    """Price a model call where nobody has, add it to its session, and write both onto its span.

    Args:
        operation: what it does, as OpenTelemetry names it; None where that is not known.
        meter_provider: of the metric of costs, for those that are priced here; by default the global one.

    Returns:
        whether the span carries the money of a call.
    """
    known = read(span)
    if semconv.SESSION_COST in known:
        return False  # counted already, by another processor of ours
    failed = span.status.status_code is StatusCode.ERROR
    facts = dialects.read(known)
    identity = _identity(known)
    found: dict[str, AttributeValue] = {}
    if semconv.COST_STATUS in known:
        cost = _said(known)
    else:
        if facts.usage is None and (failed or semconv.ERROR_TYPE in known or dialects.is_pending(known)):
            return False  # not billed, or not yet
        if facts.usage is not None and (twin := twins.find(span, _key(facts))) is not None:
            write_late(span, {semconv.COST_COUNTED_IN: format_span_id(twin)})
            return False
        cost = _price(span, known, facts, identity)
        found = attributes(cost)
        if operation is not None and semconv.OPERATION_NAME not in known:
            found[semconv.OPERATION_NAME] = operation
        cost_metric.record(
            meter_provider,
            cost,
            operation=operation,
            model_provider=facts.provider,
            model=dialects.asked_model(known),
            entity_type=identity.entity_type,
        )
    totals = None
    if identity.session_id is not None:
        totals = ledger.add(
            (identity.entity_type, identity.entity_id, identity.session_id),
            cost.amount or money.ZERO,
            turn=operation in semconv.TURN_OPERATIONS and not failed,
        )
        found.update(totals.attributes())
    write_late(span, found)
    twins.note(span, _key(facts))
    callbacks.tell(
        identity, cost, totals, provider=facts.provider or None, model=facts.model, operation=operation
    )
    return facts.usage is not None or cost.amount is not None


def attributes(cost: Cost) -> dict[str, AttributeValue]:
    """A cost as attributes of its call's span."""
    found: dict[str, AttributeValue] = {semconv.COST_STATUS: cost.status.value}
    if cost.amount is not None:
        found[semconv.COST_AMOUNT] = money.text(cost.amount)
        found[semconv.USAGE_COST] = float(cost.amount)
        found[semconv.COST_CURRENCY] = cost.currency
        found[semconv.COST_SOURCE] = cost.source
        if cost.price_version is not None:
            found[semconv.COST_PRICE_VERSION] = cost.price_version
        for part in cost.parts:
            found[semconv.COST_PREFIX + part.name] = money.text(part.amount)
    return found


def _key(facts: dialects.Facts) -> twins.Key:
    usage = facts.usage
    return facts.model, usage and usage.input_tokens, usage and usage.output_tokens


def _price(span: ReadableSpan, known: Mapping[str, Any], facts: dialects.Facts, identity: Identity) -> Cost:
    """The cost by our prices; where there are none, what the instrumentation reckons, as an estimate."""
    usage = facts.usage
    for name in () if usage is None else usage.invalid:
        guard.drop("invalid_usage", f"impossible {name}")
    cost = price(
        usage,
        provider=facts.provider,
        model=facts.model,
        service_tier=facts.service_tier,
        at=datetime.fromtimestamp((span.start_time or 0) / 1e9, UTC),
        entity=identity.entity,
    )
    if cost.amount is None and (theirs := dialects.own_cost(known)) is not None:
        parts = (Part("reported", 1, theirs, theirs),)
        return Cost(Status.ESTIMATED, theirs, parts, CURRENCY, _INSTRUMENTATION)
    return cost


def _said(known: Mapping[str, Any]) -> Cost:
    """The cost that a span carries already, by our names."""
    status = known.get(semconv.COST_STATUS)
    amount = _amount(known.get(semconv.COST_AMOUNT))
    if amount is None:
        return Cost(Status.UNPRICED)
    return Cost(_STATUSES.get(str(status), Status.ESTIMATED), amount)


def _identity(known: Mapping[str, Any]) -> Identity:
    prefix = semconv.TAG_PREFIX
    session_id = _text(known.get(semconv.SESSION_ID))
    if session_id is None:
        session_id = _text(known.get(semconv.CONVERSATION_ID))
    return Identity(
        session_id,
        _text(known.get(semconv.ENTITY_TYPE)),
        _text(known.get(semconv.ENTITY_ID)),
        {name[len(prefix) :]: str(known[name]) for name in known if name.startswith(prefix)},
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _amount(value: object) -> Decimal | None:
    if not isinstance(value, str):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
