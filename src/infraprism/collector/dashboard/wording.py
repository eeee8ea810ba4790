"""Amounts, counts, times and names as people read them. Pure; filters of the templates."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from infraprism.pricing import money

#: Digits that an amount below a dollar keeps.
_SMALL_DIGITS: Final = 4
_CENT: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")
_STATUS: Final = {
    "priced": "exact by the rates of the price list",
    "estimated": "partly estimated: the usage of some calls was not reported",
    "partial": "a floor: something that was billed has no known price",
    "unpriced": "unknown: nothing here has a known price",
    "free": "free of charge",
}
_REASONS: Final = {
    "model_missing": "the call does not say which model of whom",
    "price_missing": "no price is known for this model",
    "price_of_part_missing": "a part of what was used has no known price",
    "usage_missing": "no usage was reported",
}


def exact(amount: Decimal | int | None) -> str:
    """An amount in US dollars with all of its digits."""
    return "unknown" if amount is None else f"${_grouped(money.text(Decimal(amount)))}"


def dollars(amount: Decimal | int | None, *, is_floor: bool = False) -> str:
    """An amount in US dollars, short: cents from a dollar on, four digits below.

    What is not zero never looks like zero. A floor is rounded down, so that it stays one.
    """
    if amount is None:
        return "unknown"
    amount = Decimal(amount)
    rounding = ROUND_FLOOR if is_floor else ROUND_HALF_EVEN
    if amount == 0:
        return "$0"
    if abs(amount) >= 1:
        short = amount.quantize(_CENT, rounding, Context(prec=60))
    else:
        short = Context(prec=_SMALL_DIGITS, rounding=rounding).plus(amount)
        if short == short.quantize(_CENT, context=Context(prec=60)):
            short = short.quantize(_CENT, context=Context(prec=60))
    text = format(short, "f") if abs(amount) >= 1 or short.as_tuple().exponent == -2 else money.text(short)
    sign, digits = ("−", text[1:]) if text.startswith("-") else ("", text)
    return f"{sign}${_grouped(digits)}"


def cost(row: dict[str, Any], *, in_full: bool = False) -> str:
    """The total of a session, an entity, a day: a floor is shown as one, and what is missing is counted.

    `in_full`: with all of its digits.
    """
    amount, status, unpriced = row.get("total_cost"), row.get("cost_status"), row.get("unpriced_calls") or 0
    if amount is None or status == "unpriced":
        return f"unknown, {count(unpriced)} unpriced" if unpriced else "unknown"
    is_floor = status == "partial" or unpriced > 0
    shown = exact(amount) if in_full else dollars(amount, is_floor=is_floor)
    missing = f", {count(unpriced)} unpriced" if unpriced else ""
    return f"{'≥ ' if is_floor else ''}{'≈ ' if status == 'estimated' else ''}{shown}{missing}"


def cost_of_call(call: dict[str, Any]) -> str:
    """The cost of one call."""
    status = call.get("cost_status")
    if status is None:
        return "not billed" if call.get("is_error") else "still to come"
    if call.get("cost") is None:
        return "unknown"
    sign = {"partial": "≥ ", "estimated": "≈ "}.get(status, "")
    return f"{sign}{dollars(call['cost'], is_floor=status == 'partial')}"


def reason(word: str) -> str:
    """Why calls have no price."""
    return _REASONS.get(word, word)


def status(word: str | None) -> str:
    """A cost status in a sentence's words."""
    return _STATUS.get(word or "", "not known")


def count(number: Decimal | int | None) -> str:
    """A whole number, or one with at most two decimals, with its thousands apart."""
    if number is None:
        return "–"
    rounded = Decimal(number).quantize(_CENT, ROUND_HALF_EVEN, Context(prec=60))
    return _grouped(money.text(rounded))


def percent(number: Decimal | int | None) -> str:
    """A change in percent with its sign."""
    if number is None:
        return "–"
    if number == 0:
        return "no change"
    rounded = abs(Decimal(number)).quantize(_TENTH, context=Context(prec=60))
    return f"{'+' if number > 0 else '−'}{_grouped(money.text(rounded))} %"


def duration(milliseconds: int | None) -> str:
    """A length of time in its two largest units."""
    if milliseconds is None:
        return "–"
    if milliseconds < 0:  # of a span that began before the first call
        return f"−{duration(-milliseconds)}"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{money.text(Decimal(milliseconds).scaleb(-3).quantize(_CENT))} s"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def moment(text: str | None, zone: tzinfo) -> str:
    """A time of the API in the visitor's zone, which is named."""
    found = _time(text)
    if found is None:
        return "–"
    try:
        local = found.astimezone(zone)
    except OverflowError:  # the ends of the calendar
        local = found
    return f"{local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"


def brief(text: str | None, zone: tzinfo) -> str:
    """As `moment`, to the minute, and without a year that is this one."""
    found = _time(text)
    if found is None:
        return "–"
    try:
        local, now = found.astimezone(zone), datetime.now(zone)
    except OverflowError:
        local, now = found, found
    year = "" if local.year == now.year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M} {local.tzname()}"


def day(text: str | None, zone: tzinfo) -> str:
    """The day, and where it is not midnight the hour, of a time of the API in the visitor's zone."""
    found = _time(text)
    if found is None:
        return "–"
    local = found.astimezone(zone)
    return (
        f"{local.day} {local:%b}" if (local.hour, local.minute) == (0, 0) else f"{local.day} {local:%b %H:%M}"
    )


def _time(text: str | None) -> datetime | None:
    """A time of the API."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def entity(row: dict[str, Any]) -> str:
    """An entity's name."""
    kind, name = row.get("entity_type"), row.get("entity_id")
    if not kind and not name:
        return "no entity"
    return f"{kind or 'no type'}/{name}" if name else f"{kind}, no id"


def plural(number: int, one: str) -> str:
    """A count with its noun."""
    return f"{count(number)} {one if number == 1 else one + 's'}"


def _grouped(digits: str) -> str:
    whole, point, fraction = digits.partition(".")
    return f"{int(whole):,}{point}{fraction}"
