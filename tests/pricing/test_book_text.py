"""The text of a file of prices: what it says, and everything that is wrong with it."""

import decimal
import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import PriceFileError, Problem, Rate
from infraprism.pricing.book import Adjustment, Alias, Entry, Models, Period
from infraprism.pricing.book_text import RATES, parse
from infraprism.pricing.exchange import Display, ExchangeRate
from tests.support.prices import COMPLAINTS, EXAMPLE, MISTAKES, book


def day(year, month, day):
    return datetime(year, month, day, tzinfo=UTC)


def problems(text):
    with pytest.raises(PriceFileError) as raised:
        book(text)
    return [str(problem) for problem in raised.value.problems]


def per_million(**rates):
    return {f"{key}_mtok": Rate(Decimal(rate).scaleb(-6)) for key, rate in rates.items()}


def test_the_example_of_the_documentation():
    found = parse(EXAMPLE, "/etc/prices.toml")

    gpt = Models("openai", "gpt-5.4")
    llama = per_million(input="0.20", cache_read="0.05", output="0.80")
    assert found.version == f"acme {hashlib.sha256(EXAMPLE.encode()).hexdigest()[:12]}"
    assert found.entries == (
        Entry(Models("llm.internal", "llama-4-70b"), llama),
        Entry(Models("llm.internal", "llama-4-70b-*"), llama),
        Entry(
            gpt,
            {
                "input_mtok": Rate(Decimal("0.00000225"), ((272000, Decimal("0.0000045")),)),
                "cache_read_mtok": Rate(Decimal("0.000000225"), ((272000, Decimal("0.00000045")),)),
                "output_mtok": Rate(Decimal("0.0000135"), ((272000, Decimal("0.00002025")),)),
                "web_searches_kcount": Rate(Decimal("0.01")),
            },
            Period(day(2026, 10, 1), day(2027, 1, 1)),
        ),
        Entry(gpt, per_million(input="1.125", output="6.75"), batch=True),
        Entry(gpt, per_million(input="4.5", output="27"), service_tier="priority"),
        Entry(
            gpt,
            per_million(input=2, output=12),
            Period(day(2026, 11, 1)),
            entity=("customer", "acme-corp"),
        ),
        Entry(Models("llm.internal", "embed-small"), {}),
    )
    assert found.aliases == (
        Alias(Models("azure.ai.openai", "prod-chat"), "gpt-4o"),
        Alias(Models("azure.ai.openai", "mini-*"), "gpt-4o-mini"),
    )
    assert found.adjustments == (
        Adjustment(("team", "search"), Decimal(-15)),
        Adjustment(("customer", None), Decimal("7.5"), Models("openai", "gpt-4o"), Period(day(2026, 1, 1))),
    )
    assert found.display == Display(
        "EUR", (ExchangeRate(None, Decimal("0.91")), ExchangeRate(day(2026, 11, 1), Decimal("0.88")))
    )


def test_the_mistakes_of_the_documentation():
    with pytest.raises(PriceFileError) as raised:
        parse(MISTAKES, "prices.toml")
    assert f"{raised.value}\n" == COMPLAINTS


def test_a_book_without_a_name_has_that_of_its_file():
    assert parse("", "/etc/infraprism/prices.toml").version == "prices.toml e3b0c44298fc"


def test_a_name_that_is_no_text_can_still_be_exported():
    assert parse("", "a\udcff.toml").version == "a?.toml e3b0c44298fc"


def test_another_text_is_another_version():
    assert book("name = 'a'").version != book("name = 'a' ").version


ONE = "[[prices]]\nprovider = 'openai'\nmodel = 'gpt-4o'\n"


#: Per how many a rate is, as a power of ten, where it is not a million.
PER = {"audio_hours": 0, "web_searches": 3, "file_searches": 3, "requests": 3}


def rate(line):
    [entry] = book(ONE + line).entries
    return entry.rates


@pytest.mark.parametrize(("word", "key"), RATES.items())
def test_every_rate(word, key):
    assert rate(f"{word} = '12.5'") == {key: Rate(Decimal("12.5").scaleb(-PER.get(word, 6)))}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"2.50"', "2.50"),
        ("2.50", "2.50"),
        ("2", "2"),
        ("0", "0"),
        ("-0.0", "0"),
        ("+1_000.5", "1000.5"),
        ("0.1", "0.1"),
        ("1_000_000", "1000000"),
        ("0.000000001", "0.000000001"),
        ('".5"', "0.5"),
    ],
)
def test_a_number_means_its_digits(written, meant):
    assert rate(f"input = {written}") == per_million(input=meant)


@pytest.mark.parametrize(
    "written",
    [
        *("-1", '"-0.01"', "1000000.1", "0.0000000001", "9" * 40, "0." + "0" * 5000 + "1"),
        *("inf", "nan", "1e3", "true", "[]", "{}", "2026-10-01"),
        *('""', '"."', '"+-5"', '"$2"', '"2,5"', '"1_000"', '"٢"', '"1e3"'),
    ],
)
def test_what_is_no_rate(written):
    wanted = 'must be a number from 0 to 1000000 with at most 9 decimals, such as "2.50"'
    assert problems(f"{ONE}input = {written}") == [f"line 4: prices.input {wanted}"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-10-01", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T12:30:00", datetime(2026, 10, 1, 12, 30, tzinfo=UTC)),
        ("2026-10-01 12:30:00Z", datetime(2026, 10, 1, 12, 30, tzinfo=UTC)),
        ("2026-10-01T00:30:00+02:00", datetime(2026, 9, 30, 22, 30, tzinfo=UTC)),
    ],
)
def test_a_moment(written, meant):
    [entry] = book(f"{ONE}input = 1\nfrom = {written}").entries
    assert entry.period == Period(meant)
    assert entry.period.starts.tzinfo is UTC


@pytest.mark.parametrize("tier", ["default", "auto", "standard"])
def test_other_names_of_the_standard_tier(tier):
    assert book(f"{ONE}input = 1\nservice_tier = '{tier}'").entries == book(f"{ONE}input = 1").entries


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        pytest.param("x = 1\ny = ", ["line 2: not TOML: Invalid value"], id="no TOML"),
        pytest.param("x = 1\nx = 2", ["line 2: not TOML: Cannot overwrite a value"], id="a key twice"),
        pytest.param(
            "price = 1",
            ["line 1: price is not known here; did you mean prices?"],
            id="a table that is none",
        ),
        pytest.param(
            "zzz = 1",
            ["line 1: zzz is not known here; it can be name, list, prices, aliases, adjustments, display"],
            id="a key like none",
        ),
        pytest.param(
            "name = 1.5", ["line 1: name must be a text of 1 to 200 printable characters"], id="name"
        ),
        pytest.param(
            "[prices]\nx = 1",
            ["line 1: prices must be tables, each headed [[prices]] or in braces"],
            id="one table for many",
        ),
        pytest.param(
            "\n[[prices]]",
            [
                f"line 2: prices needs a rate ({', '.join(RATES)}), or free = true",
                "line 2: prices needs model",
                "line 2: prices needs provider",
            ],
            id="nothing in a price",
        ),
        pytest.param(
            f"{ONE}input = 1\nfree = true",
            ["line 5: prices.free leaves no room for a rate beside it"],
            id="free at a price",
        ),
        pytest.param(
            f"{ONE}free = true\nbatch = 'yes'", ["line 5: prices.batch must be true or false"], id="flag"
        ),
        pytest.param(
            f"{ONE}free = true\nentity_id = 'acme'",
            ["line 5: prices.entity_id needs an entity_type beside it"],
            id="id without type",
        ),
        pytest.param(
            f"{ONE}free = true\nfrom = 2026-01-02\nuntil = 2026-01-02",
            ["line 6: prices.until must be later than from: it is the first moment that does not count"],
            id="ends before it starts",
        ),
        pytest.param(
            f"{ONE}free = true\nfrom = 12:00:00",
            ["line 5: prices.from must be a date without quotes, such as 2026-10-01 or 2026-10-01T12:00:00Z"],
            id="time without a date",
        ),
        pytest.param(
            f"{ONE}free = true\nfrom = 0001-01-01T00:00:00+14:00\nuntil = 9999-12-31T23:59:59-14:00",
            [
                f"line {line}: prices.{name} must be a date without quotes, such as 2026-10-01 or "
                "2026-10-01T12:00:00Z"
                for line, name in ((5, "from"), (6, "until"))
            ],
            id="moments that no calendar has in UTC",
        ),
        pytest.param(
            f"{ONE}input = {'9' * 5000}", ["line 4: has a number with too many digits"], id="digits"
        ),
        pytest.param(
            "[[prices]]\nprovider = 'llm.internal:8000'\nmodel = 'a*b'\nfree = true\n"
            "[[aliases]]\nprovider = 'http://llm.internal'\nname = ['*', '*-a']\nmodel = 'b'",
            [
                "line 2: prices.provider must be a name, or a host without its port and path, such as "
                "llm.internal",
                "line 3: prices.model can have a * at its end only",
                "line 6: aliases.provider must be a name, or a host without its port and path, such as "
                "llm.internal",
                "line 7: aliases.name can have a * at its end only",
            ],
            id="what no call has",
        ),
        pytest.param(
            "[[prices]]\nprovider = 'x'\nmodel = ['a', '']\nfree = true",
            ["line 3: prices.model must be a text, or an array of texts"],
            id="models",
        ),
        pytest.param(
            f"{ONE}input = 1\nlong_context = [\n"
            "{ above = 0, input = 2, output = 3 },\n{ above = 9, x = 1 },\n{ above = 9 } ]",
            [
                "line 6: prices.long_context.above must be a whole number from 1, such as 272000",
                "line 6: prices.long_context.output needs a rate for shorter prompts: "
                "output beside long_context",
                "line 7: prices.long_context.x is not known here; it can be above, input, cached_input, "
                "cache_write, output, reasoning, input_audio, cached_input_audio, output_audio, input_image, "
                "cached_input_image, output_image",
                "line 8: prices.long_context.above is there twice",
            ],
            id="long context",
        ),
        pytest.param(
            f"{ONE}free = true\n{ONE}input = 1",
            ["line 5: prices says again what line 1 says; give one of them another from"],
            id="the same twice",
        ),
        pytest.param(
            "aliases = [{provider = 'x', name = 'a', model = 'b'}, {provider='x', name = 'A', model = 'c'}]",
            ["line 1: aliases says again what line 1 says; give one of them another from"],
            id="the same twice in a line",
        ),
        pytest.param(
            "[[aliases]]\nname = 'a'\nalias = 'b'",
            [
                "line 1: aliases needs model",
                "line 1: aliases needs provider",
                "line 3: aliases.alias is not known here; it can be provider, name, model, from, until",
            ],
            id="alias",
        ),
        pytest.param(
            "[[adjustments]]\npercent = -100.5",
            [
                "line 1: adjustments needs entity_type",
                "line 2: adjustments.percent must be a number from -100 to 10000 with at most 4 decimals, "
                'such as "2.50"',
            ],
            id="adjustment",
        ),
        pytest.param(
            "[[adjustments]]\nentity_type = 't'\npercent = 1\n" * 2,
            ["line 4: adjustments says again what line 1 says; give one of them another from"],
            id="two adjustments at once",
        ),
        pytest.param(
            f"{ONE}free = true\n[[aliases]]\nprovider = 'Google'\nname = 'a'\nmodel = 'b'\n"
            "[[adjustments]]\nentity_type = 't'\npercent = 1\nprovider = 'azure'",
            [
                "line 6: aliases.provider must be gcp.gemini or gcp.vertex_ai, as OpenTelemetry has it",
                "line 12: adjustments.provider must be azure.ai.openai, as OpenTelemetry has it",
            ],
            id="the list's names of providers",
        ),
        pytest.param("display = 1", ["line 1: display must be one table, headed [display]"], id="display"),
        pytest.param(
            "[display]",
            ["line 1: display needs [[display.rates]]", "line 1: display needs currency"],
            id="nothing in display",
        ),
        pytest.param(
            "[display]\ncurrency = 'Eur'\n[[display.rates]]\nrate = 0\n[[display.rates]]\nrate = 1",
            [
                "line 2: display.currency must be the three letters of an ISO 4217 code, such as EUR",
                "line 4: display.rates.rate must be above 0",
                "line 5: display.rates says again what line 3 says; give one of them another from",
            ],
            id="exchange rates",
        ),
        pytest.param(
            "[display]\ncurrency = 'USD'\nrates = [{rate = 1}]",
            ["line 2: display.currency is what amounts are in anyway"],
            id="dollars in dollars",
        ),
    ],
)
def test_every_mistake_is_named_with_its_line(text, complaints):
    assert problems(text) == complaints


def test_a_mistake_as_an_object():
    with pytest.raises(PriceFileError) as raised:
        parse("x = 1", "prices.toml")
    assert raised.value.source == "prices.toml"
    assert raised.value.problems == (
        Problem(1, "x", "is not known here; it can be name, list, prices, aliases, adjustments, display"),
    )


def test_the_hosts_decimal_context_changes_nothing():
    hostile = decimal.Context(prec=3, Emax=3, Emin=-3, capitals=0, traps=list(decimal.Context().traps))
    expected = parse(EXAMPLE, "x")
    with decimal.localcontext(hostile):
        found = parse(EXAMPLE, "x")
    assert found.entries == expected.entries
    assert found.adjustments == expected.adjustments


amounts = st.decimals(0, 1_000_000, places=9).map(lambda amount: f"{amount:f}")


@given(st.dictionaries(st.sampled_from(list(RATES)), amounts, min_size=1), st.booleans())
def test_no_digit_of_a_rate_is_lost(written, quoted):
    mark = '"' if quoted else ""
    found = rate("\n".join(f"{word} = {mark}{amount}{mark}" for word, amount in written.items()))
    read = {word: found[key].base.scaleb(PER.get(word, 6)) for word, key in RATES.items() if key in found}
    assert read == {word: Decimal(amount) for word, amount in written.items()}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["prices", "model", "provider", "input", "rates", "currency", "above", "from"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def toml(value):
    """`value` in TOML, as far as it has a word for it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if value is None:
        return "2026-01-01"
    if isinstance(value, str):
        return (
            '"' + "".join(f"\\U{ord(char):08x}" for char in value if not 0xD800 <= ord(char) < 0xE000) + '"'
        )
    return str(value).lower()


@given(st.dictionaries(st.sampled_from(["name", "prices", "aliases", "adjustments", "display"]), json))
def test_no_text_raises_anything_else(value):
    text = "\n".join(f"{key} = {toml(inner)}" for key, inner in value.items())
    wrong = ()
    try:
        found = parse(text, "x")
    except PriceFileError as error:
        wrong, found = error.problems, None
    assert (found is None) == bool(wrong)
    assert all(problem.line > 0 for problem in wrong)
