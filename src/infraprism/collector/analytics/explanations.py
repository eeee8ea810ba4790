"""A stored call with how its cost came about, as an object of the Analytics API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from infraprism.collector import times, wire
from infraprism.collector.analytics import answers
from infraprism.collector.recosts.repricing import estimated_usage
from infraprism.pricing import Usage, explained
from infraprism.pricing.exchange import Display
from infraprism.pricing.explained import Line
from infraprism.pricing.stored import with_further

_WORDS: Final = {
    "priced": "the amount is exact by the rates of the price list",
    "estimated": "the usage was estimated, or what was reported of it contradicted itself",
    "partial": "something that was billed has no known price: the amount is a floor",
    "unpriced": "no amount is known: there is no price for this model, tier and date",
    "free": "the price list says that it costs nothing",
}
_OF_PROVIDER: Final = {
    "priced": "the amount is what the provider itself says",
    "free": "the provider itself says that it costs nothing",
}
_NO_USAGE: Final = "no amount is known: no usage was reported"
_FAILED: Final = "the request failed and is not billed"
_PENDING: Final = "the response was still to come: its cost is in the call that fetched it"


def call(
    row: dict[str, Any], earlier: Sequence[dict[str, Any]], display: Display | None = None
) -> dict[str, Any]:
    """The call of `row` with everything that is stored of it, and its cost explained.

    `earlier`: the costs that it had before each recost, the oldest first. `display`: shown beside.
    """
    usage, is_estimated = _usage(row)
    answer = {
        **answers.call(row),
        "name": row["name"],
        "parent_span_id": row["parent_span_id"],
        "session_id": row["session_id"],
        "entity_type": row["entity_type"],
        "entity_id": row["entity_id"],
        "service_name": row["service_name"],
        "cache_write_tokens": row["cache_write_tokens"],
        "usage": {name: wire.number(number) for name, number in (row["usage"] or {}).items()},
        "is_batch": row["is_batch"],
        "explanation": _explanation(row, usage, is_estimated),
        "recosts": [_earlier(cost) for cost in earlier],
        "attributes": msgspec.Raw(row["attributes"].encode()),
    }
    if display is not None:
        answer["display"] = _display(row, display)
    return answer


def _explanation(row: dict[str, Any], usage: Usage, is_estimated: bool) -> dict[str, Any]:
    parts, quantities = row["cost_parts"], row["cost_quantities"] or {}
    knows_quantities = bool(quantities) or not parts
    if not knows_quantities:
        quantities = explained.inferred(parts, usage)
    lines: list[Line] = []
    if row["amount"] is not None:
        lines = explained.lines(row["amount"], parts, quantities)
    unpriced: list[str] = list(usage.unpriced)
    if row["cost_status"] in ("partial", "unpriced") and knows_quantities:
        unpriced = explained.without_price(usage, quantities)
    since, percent = row["effective_from"], row["adjustment_percent"]
    return {
        "status": _words(row, usage),
        "is_usage_estimated": is_estimated,
        "price_list": row["price_version"],
        "effective_from": None if since is None else wire.time(since),
        "adjustment_percent": answers.number(percent),
        "lines": [_line(line) for line in lines],
        "total": answers.number(row["amount"]),
        "unpriced": unpriced,
    }


def _words(row: dict[str, Any], usage: Usage) -> str:
    status = row["cost_status"]
    if status is None:
        return _FAILED if row["is_error"] else _PENDING
    if row["cost_source"] == "provider" and status in _OF_PROVIDER:
        return _OF_PROVIDER[status]
    if status == "unpriced" and usage == Usage(unpriced=usage.unpriced):
        return _NO_USAGE
    return _WORDS[status]


def _usage(row: dict[str, Any]) -> tuple[Usage, bool]:
    unpriced = tuple(row["usage_unpriced"] or ())
    if row["input_tokens"] is None and row["output_tokens"] is None:
        estimated = estimated_usage(msgspec.json.decode(row["attributes"]))
        if estimated is not None:
            return estimated._replace(unpriced=unpriced), True
    usage = Usage(
        row["input_tokens"],
        row["output_tokens"],
        row["cache_read_tokens"],
        row["cache_write_tokens"],
        reasoning_tokens=row["reasoning_tokens"],
        unpriced=unpriced,
    )
    return with_further(usage, row["usage"] or {}), False


def _line(line: Line) -> dict[str, Any]:
    return {
        "part": line.part,
        "quantity": answers.number(line.quantity),
        "unit": line.unit.name,
        "rate": answers.number(line.rate),
        "listed_rate": answers.number(line.listed_rate),
        "listed_per": line.unit.per,
        "amount": wire.number(line.amount),
    }


def _earlier(cost: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": cost["recost_id"],
        "recosted_at": wire.time(cost["recosted_at"]),
        "cost_before": answers.number(cost["amount"]),
        "cost_status_before": cost["cost_status"],
        "price_version_before": cost["price_version"],
        "cost_parts_before": {name: wire.number(part) for name, part in sorted(cost["cost_parts"].items())},
    }


def _display(row: dict[str, Any], display: Display) -> dict[str, Any]:
    at = times.moment(row["started_at"])
    rate = display.rate(at)
    amount = None if row["amount"] is None else display.convert(row["amount"], at)
    return {
        "currency": display.currency,
        "rate": None if rate is None else wire.number(rate.rate),
        "cost": answers.number(amount),
    }
