"""A cost that was kept, explained: its lines with the rates that made them, and what has no price."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from typing import Final, NamedTuple

from infraprism.pricing import money
from infraprism.pricing.usage import Usage


class Unit(NamedTuple):
    """What a part is counted in, and the number of them that price lists name a price for."""

    name: str
    #: As a power of ten; of ``audio_seconds`` it is an hour.
    power: int
    per: str


#: Of the parts that are not tokens.
UNITS: Final = {
    "input_characters": Unit("characters", 6, "1M"),
    "audio_seconds": Unit("seconds", 0, "hour"),
    "web_searches": Unit("searches", 3, "1K"),
    "file_searches": Unit("searches", 3, "1K"),
    "requests": Unit("requests", 3, "1K"),
    "reported": Unit("call", 0, "call"),
}
TOKENS: Final = Unit("tokens", 6, "1M")
#: The line of what the parts do not account for.
UNEXPLAINED: Final = "unexplained"

#: What one kind of usage is billed as, where it is billed by itself.
_PARTS: Final = {
    "input_audio_tokens": "input_audio",
    "output_audio_tokens": "output_audio",
    "input_characters": "input_characters",
    "audio_seconds": "audio_seconds",
    "images": "images",
    "video_seconds": "video_seconds",
    "web_searches": "web_searches",
    "file_searches": "file_searches",
}
#: The parts that tokens of either side are billed in.
_BY_SIDE: Final = {
    "input_tokens": (
        *("input", "cache_read", "cache_write", "input_audio", "input_image"),
        *("cache_read_audio", "cache_read_image"),
    ),
    "output_tokens": ("output", "reasoning", "output_audio", "output_image"),
}
#: Parts that can be made of a call's tokens alone.
_OF_TOKENS: Final = frozenset(
    {"input", "cache_read", "cache_write", "output", "reasoning", "requests", "reported"}
)
_HOUR: Final = Decimal(3600)
_ROUNDING: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_MOST_PLACES: Final = 24


class Line(NamedTuple):
    """One line of an explanation. The lines' amounts add up to the call's exactly."""

    part: str
    #: None where it is not known.
    quantity: Decimal | None
    unit: Unit
    #: USD per one of the unit; None where it is not known, or has no last digit.
    rate: Decimal | None
    #: USD per what `unit.per` says.
    listed_rate: Decimal | None
    amount: Decimal


def lines(amount: Decimal, parts: Mapping[str, Decimal], quantities: Mapping[str, Decimal]) -> list[Line]:
    """The lines of a cost of `amount`, in the order of `quantities`, then of the parts without any."""
    names = [*(name for name in quantities if name in parts), *(n for n in parts if n not in quantities)]
    found = [_line(name, quantities.get(name), parts[name]) for name in names]
    rest = money.EXACT.subtract(amount, money.total(line.amount for line in found))
    if rest:
        found.append(Line(UNEXPLAINED, None, UNITS["reported"], None, None, rest))
    return found


def _line(part: str, quantity: Decimal | None, amount: Decimal) -> Line:
    unit = UNITS.get(part, TOKENS)
    if not quantity:
        return Line(part, quantity, unit, None, None, amount)
    if part == "audio_seconds":
        hourly = _hourly(quantity, amount)
        return Line(part, quantity, unit, _exact(hourly, _HOUR), hourly, amount)
    rate = _exact(amount, quantity)
    if rate is None:  # not by us: a rate of ours times a quantity is exact
        rate = _rounded(_ROUNDING.divide(amount, quantity), _MOST_PLACES)
    return Line(part, quantity, unit, rate, rate.scaleb(unit.power, _ROUNDING), amount)


def _hourly(seconds: Decimal, amount: Decimal) -> Decimal:
    """The shortest rate of an hour that makes `amount` of `seconds`: the amount itself was rounded."""
    rate = _ROUNDING.divide(_ROUNDING.multiply(amount, _HOUR), seconds)
    for places in range(_MOST_PLACES):
        shorter = _rounded(rate, places)
        if money.by_the_hour(shorter, seconds) == amount:
            return shorter
    return _rounded(rate, _MOST_PLACES)


def _exact(dividend: Decimal, divisor: Decimal) -> Decimal | None:
    try:
        return money.EXACT.divide(dividend, divisor)
    except Inexact:
        return None


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), context=_ROUNDING)


def inferred(parts: Mapping[str, Decimal], usage: Usage) -> dict[str, Decimal]:
    """What parts were billed for, of a call that does not say so: as far as its tokens tell.

    Of a call that was billed for something else too, only what is a token count by itself.
    """
    found: dict[str, int | None] = {
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
        "reasoning": usage.reasoning_tokens,
        "requests": 1,
        "reported": 1,
    }
    if parts.keys() <= _OF_TOKENS:
        for whole, count, details in (
            ("input", usage.input_tokens, ("cache_read", "cache_write")),
            ("output", usage.output_tokens, ("reasoning",)),
        ):
            if count is not None:
                found[whole] = count - sum(found[name] or 0 for name in details if name in parts)
    return {
        name: Decimal(count)
        for name in parts
        if (count := found.get(name)) is not None and (count > 0 or not parts[name])
    }


def without_price(usage: Usage, quantities: Mapping[str, Decimal]) -> list[str]:
    """Names of what was used and not billed, and of what is billed without a price.

    `quantities`: those of the parts.
    """
    heard = (usage.input_audio_tokens or 0) - (usage.cache_read_audio_tokens or 0)
    used = usage._replace(input_audio_tokens=heard)
    missing = [name for name, part in _PARTS.items() if getattr(used, name) and part not in quantities]
    for name, parts in _BY_SIDE.items():
        if (getattr(usage, name) or 0) > sum(quantities.get(part, 0) for part in parts):
            missing.append(name)
    return [*missing, *(name for name in usage.unpriced if name not in missing)]
