"""What a call costs by the user's own prices."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import Cost, Part, Status, Usage, find, money, price, quotes, use, version
from tests.support.prices import EXAMPLE, book, priced_by

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACME = ("customer", "acme-corp")
SEARCH = ("team", "search")


@pytest.fixture(scope="module", autouse=True)
def own():
    with priced_by(EXAMPLE) as own:
        yield own


def cost_of(usage, model, provider="openai", tier=None, at=NOW, **of):
    return price(usage, provider=provider, model=model, service_tier=tier, at=at, **of)


def cost(status, version, *parts, since=None, percent=None):
    """A cost; each part as ``(name, quantity, rate, amount)``."""
    parts = tuple(
        Part(name, quantity, Decimal(rate), Decimal(amount)) for name, quantity, rate, amount in parts
    )
    amount = sum((part.amount for part in parts), Decimal(0))
    percent = None if percent is None else Decimal(percent)
    return Cost(status, amount, parts, "USD", "local", version, since, percent)


def test_a_model_that_the_list_does_not_have(own):
    usage = Usage(1000, 500, cache_read_tokens=600)
    assert cost_of(usage, "llama-4-70b-instruct", "llm.internal") == cost(
        Status.PRICED,
        own.version,
        ("cache_read", 600, "0.00000005", "0.00003"),
        ("input", 400, "0.0000002", "0.00008"),
        ("output", 500, "0.0000008", "0.0004"),
    )


def test_a_dated_price_with_a_long_context(own):
    usage = Usage(300_000, 100, cache_read_tokens=100_000, web_searches=2)
    assert cost_of(usage, "gpt-5.4") == cost(
        Status.PRICED,
        own.version,
        ("cache_read", 100_000, "0.00000045", "0.045"),
        ("input", 200_000, "0.0000045", "0.9"),
        ("output", 100, "0.00002025", "0.002025"),
        ("web_searches", 2, "0.01", "0.02"),
        since=datetime(2026, 10, 1, tzinfo=UTC),
    )


def test_what_was_agreed_with_an_entity(own):
    assert cost_of(Usage(1000, 500), "gpt-5.4", entity=ACME) == cost(
        Status.PRICED,
        own.version,
        ("input", 1000, "0.000002", "0.002"),
        ("output", 500, "0.000012", "0.006"),
        since=datetime(2026, 11, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("of", "amount"),
    [
        pytest.param({}, "0.00225", id="the entry"),
        pytest.param({"batch": True}, "0.001125", id="the entry for batches"),
        pytest.param({"tier": "priority"}, "0.0045", id="the entry for the tier"),
        pytest.param({"at": datetime(2026, 9, 30, tzinfo=UTC)}, "0.0025", id="the list: before it begins"),
        pytest.param({"at": datetime(2027, 1, 1, tzinfo=UTC)}, "0.0025", id="the list: when it has ended"),
        pytest.param({"tier": "flex"}, "0.00125", id="the list: no entry for the tier"),
    ],
)
def test_the_price_of_exactly_this_tier_and_time(of, amount):
    assert cost_of(Usage(1000, 0), "gpt-5.4", **of).amount == Decimal(amount)


def test_a_model_that_costs_nothing(own):
    assert cost_of(Usage(1000), "embed-small", "llm.internal") == cost(Status.FREE, own.version)
    assert cost_of(Usage(1000, web_searches=1), "embed-small", "llm.internal") == cost(
        Status.PARTIAL, own.version
    )


def test_what_has_no_rate_in_the_entry_leaves_a_floor(own):
    found = cost_of(Usage(1000, 500, web_searches=1), "gpt-5.4", entity=ACME)
    assert (found.status, found.amount) == (Status.PARTIAL, Decimal("0.008"))


def test_a_deployment(own):
    usage = Usage(1000, 500)
    listed = price(usage, provider="azure.ai.openai", model="gpt-4o", service_tier=None, at=NOW)
    assert listed.status is Status.PRICED
    assert cost_of(usage, "prod-chat", "azure.ai.openai") == listed._replace(
        price_version=f"{version()}, {own.version}"
    )


def test_what_the_file_does_not_speak_of_is_the_lists():
    assert cost_of(Usage(1000, 500), "gpt-4o", entity=("user", "7")) == cost(
        Status.PRICED,
        version(),
        ("input", 1000, "0.0000025", "0.0025"),
        ("output", 500, "0.00001", "0.005"),
    )
    assert cost_of(Usage(1000, 500), "gpt-from-the-future") == Cost(Status.UNPRICED)
    assert cost_of(Usage(1000, 500), "gpt-4o", tier="scale") == Cost(Status.UNPRICED)


def test_a_discount_on_the_list(own):
    usage = Usage(1000, 500, cache_read_tokens=600)
    assert cost_of(usage, "gpt-4o", entity=SEARCH) == cost(
        Status.PRICED,
        f"{version()}, {own.version}",
        ("cache_read", 600, "0.0000010625", "0.0006375"),
        ("input", 400, "0.000002125", "0.00085"),
        ("output", 500, "0.0000085", "0.00425"),
        percent="-15",
    )


@pytest.mark.parametrize(
    ("own_from", "adjusted_from", "since"),
    [
        ("", "", None),
        ("from = 2026-02-01", "", 2),
        ("", "from = 2026-03-01", 3),
        ("from = 2026-02-01", "from = 2026-03-01", 3),
        ("from = 2026-04-01", "from = 2026-03-01", 4),
    ],
)
def test_an_adjusted_rate_holds_since_both_do(own_from, adjusted_from, since):
    text = f"[[prices]]\nprovider = 'p'\nmodel = 'm'\ninput = 1\n{own_from}\n"
    text += f"[[adjustments]]\nentity_type = 'team'\npercent = 5\n{adjusted_from}"
    with priced_by(text):
        found = cost_of(Usage(1000), "m", "p", entity=SEARCH)
    assert found.effective_from == (None if since is None else datetime(2026, since, 1, tzinfo=UTC))


def test_a_discount_on_the_list_holds_since_the_list_does():
    with priced_by("[[adjustments]]\nentity_type = 'team'\npercent = 5\nfrom = 2026-01-01"):
        found = cost_of(Usage(1000), "gpt-4o", batch=True, entity=SEARCH)
    assert found.effective_from == datetime(2026, 10, 14, tzinfo=UTC)


def test_a_discount_on_a_price_of_the_file(own):
    assert cost_of(Usage(1000), "llama-4-70b", "llm.internal", entity=SEARCH) == cost(
        Status.PARTIAL, own.version, ("input", 1000, "0.00000017", "0.00017"), percent="-15"
    )


def test_a_mark_up_of_a_type(own):
    assert cost_of(Usage(1000, 0), "gpt-4o-2024-08-06", entity=ACME).parts[0] == Part(
        "input", 1000, Decimal("0.0000026875"), Decimal("0.0026875")
    )


def test_what_was_agreed_is_not_adjusted():
    text = EXAMPLE + '[[adjustments]]\nentity_type = "customer"\nentity_id = "acme-corp"\npercent = -50\n'
    with priced_by(text):
        assert cost_of(Usage(1000, 0), "gpt-5.4", entity=ACME).amount == Decimal("0.002")
        assert cost_of(Usage(1000, 0), "gpt-5.4", tier="priority", entity=ACME).amount == Decimal("0.00225")


def test_a_cost_that_the_provider_reports_wins():
    usage = Usage(1000, 500, reported_cost=Decimal("0.1"))
    assert cost_of(usage, "gpt-5.4", entity=SEARCH) == Cost(
        Status.PRICED,
        Decimal("0.1"),
        (Part("reported", 1, Decimal("0.1"), Decimal("0.1")),),
        source="provider",
    )


def test_all_of_it_off_is_free():
    with priced_by('[[adjustments]]\nentity_type = "team"\npercent = -100') as pilot:
        found = cost_of(Usage(1000, 500), "gpt-4o", entity=SEARCH)
        assert found == cost(
            Status.FREE,
            f"{version()}, {pilot.version}",
            ("input", 1000, "0", "0"),
            ("output", 500, "0", "0"),
            percent="-100",
        )
        # Nor does what was not reported cost anything.
        assert cost_of(Usage(1000), "gpt-4o", entity=SEARCH).status is Status.FREE
        searched = Usage(1000, 500, unpriced=("code_interpreter_call",))
        assert cost_of(searched, "gpt-4o", entity=SEARCH).status is Status.PARTIAL


def test_rates_are_adjusted_by_the_percentage_in_force():
    with priced_by(
        '[[adjustments]]\nentity_type = "team"\npercent = -20\n'
        '[[adjustments]]\nentity_type = "team"\nfrom = 2026-11-01\npercent = 20\n'
    ):
        assert [
            price(
                Usage(300_000, 0),
                provider="openai",
                model="gpt-5.4",
                service_tier=None,
                at=datetime(2026, month, 1, tzinfo=UTC),
                entity=SEARCH,
            ).amount
            for month in (10, 11, 10)
        ] == [Decimal("1.2"), Decimal("1.8"), Decimal("1.2")]


def test_audio_by_the_hour_is_adjusted():
    usage = Usage(audio_seconds=100)
    whole = cost_of(usage, "whisper-1")
    found = cost_of(usage, "whisper-1", entity=SEARCH)
    [part] = found.parts
    assert part.amount == money.by_the_hour(part.rate, 100) == found.amount
    assert part.rate == whole.parts[0].rate * Decimal("0.85")


def test_no_book_is_the_list_alone(own):
    use(None)
    try:
        assert cost_of(Usage(1000), "llama-4-70b", "llm.internal") == Cost(Status.UNPRICED)
        assert quotes.find("openai", "gpt-4o", None, NOW, entity=SEARCH) == quotes.Quote(
            find("openai", "gpt-4o", None, NOW), version()
        )
        assert quotes.find("openai", "gpt-from-the-future", None, NOW) is None
    finally:
        use(own)


usages = st.tuples(*[st.integers(0, 10**7)] * 6).map(
    lambda n: Usage(sum(n[:3]), sum(n[3:]), n[0], None, n[1], n[3], n[4])
)
models = st.sampled_from(["gpt-4o", "gpt-5.4", "gpt-audio", "o3", "my-model"])
percents = st.decimals(-100, 10_000, places=4)
own_rates = st.lists(st.decimals(0, 1_000_000, places=9), min_size=4, max_size=4)


@given(usages, models, percents, own_rates)
def test_parts_add_up_exactly_with_an_adjustment(usage, model, percent, rates):
    words = dict(zip(("input", "cached_input", "output", "output_audio"), rates, strict=True))
    text = "[[prices]]\nprovider = 'openai'\nmodel = 'my-model'\n"
    text += "".join(f"{word} = '{rate:f}'\n" for word, rate in words.items())
    text += f"[[adjustments]]\nentity_type = 'team'\npercent = '{percent:f}'\n"
    with priced_by(book(text)):
        plain = cost_of(usage, model)
        found = cost_of(usage, model, entity=SEARCH)
    factor = 1 + percent / 100
    assert all(part.amount == money.EXACT.multiply(part.rate, part.quantity) for part in found.parts)
    assert money.total(part.amount for part in found.parts) == found.amount
    assert found.amount == money.EXACT.multiply(plain.amount, factor) >= 0
    assert [part.quantity for part in found.parts] == [part.quantity for part in plain.parts]
    # What the collector's DECIMAL(38, 24) holds.
    assert all(-part.amount.as_tuple().exponent <= 24 for part in found.parts)
    if percent != -100:
        assert found.status is plain.status


@given(st.text(max_size=20), st.text(max_size=20), st.none() | st.text(max_size=8), st.booleans(), st.data())
def test_no_name_raises(own, provider, model, tier, batch, data):
    who = st.none() | st.text(max_size=8) | st.sampled_from(["customer", "team", "acme-corp", "search"])
    entity = data.draw(st.none() | st.tuples(who, who))
    known = st.sampled_from([("openai", "gpt-4o"), ("llm.internal", "llama-4-70b"), (provider, model)])
    provider, model = data.draw(known)
    found = cost_of(Usage(1000, 500), model, provider, tier, batch=batch, entity=entity)
    assert (found.amount is None) == (found.status is Status.UNPRICED)
    assert money.total(part.amount for part in found.parts) == (found.amount or 0)
