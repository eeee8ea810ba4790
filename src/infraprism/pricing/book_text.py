"""The text of a file of prices as a `Book`: read whole, every mistake named, or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Hashable
from decimal import Decimal
from pathlib import PurePath

from infraprism.pricing import money
from infraprism.pricing.book import Adjustment, Alias, Book, Entry, Models
from infraprism.pricing.exchange import Display, ExchangeRate
from infraprism.pricing.fields import Fields, Number
from infraprism.pricing.lists import FINGERPRINT, ListError, PriceList
from infraprism.pricing.problems import PriceFileError, Problem
from infraprism.pricing.rates import LIST_PROVIDERS, STANDARD_TIERS, Rate, power
from infraprism.pricing.toml_lines import lines

#: The file's word for what is paid for → key of its rate.
RATES = {
    "input": "input_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "cached_input_audio": "cache_audio_read_mtok",
    "output_audio": "output_audio_mtok",
    "input_image": "input_image_mtok",
    "cached_input_image": "cache_image_read_mtok",
    "output_image": "output_image_mtok",
    "characters": "input_mchars",
    "audio_hours": "input_audio_hours",
    "web_searches": "web_searches_kcount",
    "file_searches": "storage_searches_kcount",
    "requests": "requests_kcount",
}
#: What a long prompt can make dearer.
_OF_TOKENS = [word for word, key in RATES.items() if key.endswith("_mtok")]
# A rate per token of so many decimals, scaled by a percentage of so many, fits the collector's 24.
_RATE_PLACES, _PERCENT_PLACES = 9, 4
_MOST_RATE, _MOST_PERCENT = 1_000_000, 10_000
#: What a table speaks of, and since when → that table.
_Seen = dict[Hashable, Fields]
_WITH_PORT = re.compile(r"[^:]*:[0-9]+|\[.*")
_LONG = re.compile(r"[0-9_]{640,}")
_AT = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


def parse(text: str, source: str, read_list: Callable[[str], PriceList] | None = None) -> Book:
    """Read `text`, which came from the file `source`; the book has its name unless it has one of its own.

    `read_list`: reads the price list that it names, or raises a `ListError`; None leaves the list alone.

    Raises:
        PriceFileError: with all that is wrong.
    """
    import tomllib

    try:
        values = tomllib.loads(text, parse_float=Number)
        found = lines(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceFileError(source, [_not_toml(str(error), text)]) from None
    except RecursionError:
        raise PriceFileError(source, [Problem(0, "", "is nested too deeply")]) from None
    except ValueError:  # Python's own, which refuses to read so many digits
        raise PriceFileError(source, [_too_long(text)]) from None
    problems: list[Problem] = []
    file = Fields(values, (), found, problems)
    name = file.text("name") or PurePath(source).name.encode(errors="replace").decode()
    listed = _listed(file, read_list)
    seen: _Seen = {}
    entries = [entry for fields in file.tables("prices") for entry in _entries(fields, seen)]
    aliases = [alias for fields in file.tables("aliases") for alias in _aliases(fields, seen)]
    adjustments = [one for fields in file.tables("adjustments") for one in _adjustments(fields, seen)]
    shown = file.table("display")
    display = None if shown is None else _display(shown, seen)
    file.done()
    if problems:
        raise PriceFileError(source, problems)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT]
    return Book(f"{name} {fingerprint}", tuple(entries), tuple(aliases), tuple(adjustments), display, listed)


def _listed(file: Fields, read_list: Callable[[str], PriceList] | None) -> PriceList | None:
    name = file.text("list")
    if name is None or read_list is None:
        return None
    try:
        return read_list(name)
    except ListError as error:
        file.wrong("list", str(error))
        return None


def _entries(fields: Fields, seen: _Seen) -> list[Entry]:
    models = _models(fields)
    tier, batch = fields.text("service_tier"), fields.flag("batch")
    tier = None if tier in STANDARD_TIERS else tier
    entity, period = fields.entity(), fields.period()
    rates = _rates(fields)
    fields.done()
    entries = [Entry(each, rates, period, tier, batch, entity) for each in models]
    for entry in entries:
        _once(fields, ("prices", entry.models, tier, batch, entity, period.starts), seen)
    return entries


def _rates(fields: Fields) -> dict[str, Rate]:
    free = fields.flag("free")
    bases = {word: amount for word in RATES if (amount := _amount(fields, word)) is not None}
    tiers: dict[str, list[tuple[int, Decimal]]] = {}
    starts: set[int] = set()
    for tier in fields.tables("long_context"):
        above = tier.whole("above")
        if above is not None and above in starts:
            tier.wrong("above", "is there twice")
        for word in _OF_TOKENS:
            amount = _amount(tier, word)
            if word in tier and word not in fields:
                tier.wrong(word, f"needs a rate for shorter prompts: {word} beside long_context")
            if amount is not None and above is not None:
                tiers.setdefault(word, []).append((above, amount))
        starts.add(above or 0)
        tier.done()
    if free and any(word in fields for word in RATES):
        fields.wrong("free", "leaves no room for a rate beside it")
    if not free and not any(word in fields for word in RATES):
        fields.wrong("", f"needs a rate ({', '.join(RATES)}), or free = true")
    return {RATES[word]: Rate(base, tuple(sorted(tiers.get(word, ())))) for word, base in bases.items()}


def _amount(fields: Fields, word: str) -> Decimal | None:
    """A rate in USD per one."""
    amount = fields.decimal(word, 0, _MOST_RATE, _RATE_PLACES)
    return None if amount is None else amount.scaleb(-power(RATES[word]), money.EXACT)


def _aliases(fields: Fields, seen: _Seen) -> list[Alias]:
    provider, names = _provider(fields), fields.texts("name")
    model, period = fields.text("model", required=True), fields.period()
    fields.done()
    _no_star_inside(fields, "name", names)
    aliases = [Alias(Models(provider, name.lower()), model or "", period) for name in names]
    for alias in aliases:
        _once(fields, ("aliases", alias.models, period.starts), seen)
    return aliases


def _adjustments(fields: Fields, seen: _Seen) -> list[Adjustment]:
    entity = fields.entity(required=True)
    percent = fields.decimal("percent", -100, _MOST_PERCENT, _PERCENT_PLACES, required=True)
    models, period = _models(fields, required=False), fields.period()
    fields.done()
    if entity is None or percent is None:
        return []
    for each in models:
        _once(fields, ("adjustments", entity, each, period.starts), seen)
    return [Adjustment(entity, percent, each, period) for each in models]


def _models(fields: Fields, *, required: bool = True) -> list[Models]:
    provider = _provider(fields, required=required)
    names = fields.texts("model") if required or "model" in fields else ["*"]
    _no_star_inside(fields, "model", names)
    return [Models(provider, name.lower()) for name in names]


def _no_star_inside(fields: Fields, field: str, names: list[str]) -> None:
    if any("*" in name[:-1] for name in names):
        fields.wrong(field, "can have a * at its end only")


def _provider(fields: Fields, *, required: bool = True) -> str | None:
    provider = (fields.text("provider", required=required) or "").lower()
    # A name that no call has would never apply, and nobody would know.
    ours = [name for name, listed in LIST_PROVIDERS.items() if listed == provider]
    if ours:
        fields.wrong("provider", f"must be {' or '.join(ours)}, as OpenTelemetry has it")
    elif "/" in provider or _WITH_PORT.fullmatch(provider):
        fields.wrong("provider", "must be a name, or a host without its port and path, such as llm.internal")
    return provider or None


def _display(fields: Fields, seen: _Seen) -> Display:
    currency = fields.text("currency", required=True) or ""
    if currency and not re.fullmatch("[A-Z]{3}", currency):
        fields.wrong("currency", "must be the three letters of an ISO 4217 code, such as EUR")
    elif currency == "USD":
        fields.wrong("currency", "is what amounts are in anyway")
    rates: list[ExchangeRate] = []
    for dated in fields.tables("rates"):
        starts, rate = dated.moment("from"), dated.decimal("rate", 0, _MOST_RATE, _RATE_PLACES, required=True)
        if rate is not None and not rate:
            dated.wrong("rate", "must be above 0")
        dated.done()
        _once(dated, ("display", starts), seen)
        rates.append(ExchangeRate(starts, rate or money.ZERO))
    if not rates and "rates" not in fields:
        fields.wrong("", "needs [[display.rates]]")
    fields.done()
    return Display(currency, tuple(rates))


def _once(fields: Fields, key: Hashable, seen: _Seen) -> None:
    """Note it where an earlier table speaks of the very same, from the same moment on."""
    if (earlier := seen.setdefault(key, fields)) is not fields:
        fields.wrong("", f"says again what line {earlier.line} says; give one of them another from")


def _too_long(text: str) -> Problem:
    longest = max(_LONG.finditer(text), key=lambda match: len(match.group()), default=None)
    line = 0 if longest is None else text.count("\n", 0, longest.start()) + 1
    return Problem(line, "", "has a number with too many digits")


def _not_toml(message: str, text: str) -> Problem:
    match = _AT.fullmatch(message)
    if match is None:
        return Problem(0, "", f"is not TOML: {message}")
    line = int(match[2]) if match[2] else text.count("\n") + 1
    return Problem(line, "", f"not TOML: {match[1]}")
