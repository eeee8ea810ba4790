"""Which rates apply: by provider, model, tier and time."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
)
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import Rate, find, version
from infraprism.pricing.rates import _since, find_dated

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GPT_4O = {
    "input_mtok": Rate(Decimal("0.0000025")),
    "cache_read_mtok": Rate(Decimal("0.00000125")),
    "output_mtok": Rate(Decimal("0.00001")),
    "storage_searches_kcount": Rate(Decimal("0.0025")),
    "web_searches_kcount": Rate(Decimal("0.01")),
}


def input_rate(provider, model, at, tier=None):
    return find(provider, model, tier, at)["input_mtok"].base


def test_rates_are_per_one():
    assert find("openai", "gpt-4o", None, NOW) == GPT_4O


def test_a_long_context_rate_applies_above_its_start():
    rate = find("openai", "gpt-5.4", None, NOW)["input_mtok"]
    assert rate == Rate(Decimal("0.0000025"), tiers=((272_000, Decimal("0.000005")),))
    assert (rate.at(0), rate.at(272_000), rate.at(272_001)) == (
        Decimal("0.0000025"),
        Decimal("0.0000025"),
        Decimal("0.000005"),
    )


def test_the_highest_tier_reached_applies():
    rate = Rate(Decimal(1), tiers=((10, Decimal(2)), (20, Decimal(3))))
    assert [rate.at(count) for count in (10, 11, 20, 21)] == [1, 2, 2, 3]


@pytest.mark.parametrize("tier", [None, "", "auto", "default", "standard", "on_demand"])
def test_tiers_that_are_the_standard_one(tier):
    assert find("openai", "gpt-4o", tier, NOW) == GPT_4O


def test_a_tier_with_rates_of_its_own():
    assert input_rate("openai", "gpt-4o", NOW, "priority") == Decimal("0.00000425")
    assert input_rate("openai", "gpt-5", NOW, "flex") == Decimal("0.000000625")


@pytest.mark.parametrize(
    ("provider", "model", "tier"),
    [
        ("openai", "gpt-4o", "flex"),  # the model is not offered at it
        ("openai", "gpt-4o", "scale"),
        ("openai", "gpt-4o", "tomorrow's"),
        ("openai", "gpt-4o", "PRIORITY"),
        ("azure.ai.openai", "gpt-4o", "priority"),  # OpenAI's own, not those of who resells it
    ],
)
def test_a_tier_without_rates_has_no_price(provider, model, tier):
    assert find(provider, model, tier, NOW) is None


def test_a_tier_has_no_price_before_its_rates_are_listed():
    assert find("openai", "gpt-4o", "priority", datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("tier", [None, "default", "auto"])
def test_a_batch_has_rates_of_its_own(tier):
    assert find("openai", "gpt-4o", tier, NOW, batch=True) == {
        **GPT_4O,
        "input_mtok": Rate(Decimal("0.00000125")),
        "output_mtok": Rate(Decimal("0.000005")),
    }


@pytest.mark.parametrize(
    ("provider", "model", "tier", "at"),
    [
        pytest.param("openai", "gpt-audio", None, NOW, id="the model is not offered in batches"),
        pytest.param("openai", "gpt-5", "flex", NOW, id="a tier that batches do not have"),
        pytest.param("azure.ai.openai", "gpt-4o", None, NOW, id="only who lists the model offers it"),
        pytest.param("llm-gateway.internal", "gpt-5", "scale", NOW, id="a tier nobody has"),
        pytest.param("openai", "gpt-4o", None, datetime(2026, 1, 1, tzinfo=UTC), id="not listed yet"),
        pytest.param("openai", "gpt-from-the-future", None, NOW, id="unknown model"),
    ],
)
def test_a_batch_without_rates_has_no_price(provider, model, tier, at):
    assert find(provider, model, tier, at, batch=True) is None


def test_prices_are_dated():
    before = datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC)
    assert input_rate("openai", "o3", before) == Decimal("0.00001")
    assert input_rate("openai", "o3", before + timedelta(seconds=1)) == Decimal("0.000002")


@pytest.mark.parametrize(
    ("provider", "model", "of", "since"),
    [
        pytest.param("openai", "gpt-4o", {}, None, id="the list gives no date"),
        pytest.param("openai", "o3", {"at": datetime(2025, 6, 9, tzinfo=UTC)}, None, id="before the first"),
        pytest.param("openai", "o3", {}, (2025, 6, 10), id="the last change"),
        pytest.param("openai", "o3", {"at": datetime(2025, 6, 10, tzinfo=UTC)}, (2025, 6, 10), id="the day"),
        pytest.param("mistral_ai", "mistral-large-4", {}, (2026, 10, 29), id="the last of several"),
        pytest.param(
            "mistral_ai",
            "mistral-large-4",
            {"at": datetime(2026, 10, 28, 23, 59, tzinfo=UTC)},
            (2026, 10, 20),
            id="the one before",
        ),
        pytest.param("openai", "gpt-4o", {"batch": True}, (2026, 10, 14), id="of batches"),
        pytest.param("openai", "gpt-4o", {"tier": "priority"}, (2026, 10, 12), id="of a tier"),
        pytest.param(
            "gcp.gemini", "gemini-3.6-flash", {"batch": True}, (2026, 10, 14), id="not yet the next"
        ),
        pytest.param(
            "gcp.gemini",
            "gemini-3.6-flash",
            {"batch": True, "at": datetime(2027, 1, 1, tzinfo=UTC)},
            (2027, 1, 1),
            id="the next",
        ),
        pytest.param("deepseek", "deepseek-v4-flash", {"at": NOW.replace(hour=2)}, None, id="of the hour"),
        pytest.param("deepseek", "deepseek-v4-flash", {}, (2026, 9, 10), id="of the other hours"),
    ],
)
def test_since_when_the_rates_hold(provider, model, of, since):
    found = find_dated(provider, model, of.get("tier"), of.get("at", NOW), batch=of.get("batch", False))
    assert found.effective_from == (None if since is None else datetime(*since, tzinfo=UTC))
    assert found.rates == find(
        provider, model, of.get("tier"), of.get("at", NOW), batch=of.get("batch", False)
    )


def test_a_tier_that_names_one_price_holds_since_the_later_of_its_own_and_the_standard_ones():
    own, standard = (
        ModelPrice(input_mtok=Decimal(1)),
        ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(3)),
    )
    at, of_batches = datetime(2026, 10, 1, tzinfo=UTC), StartDateConstraint(date(2026, 10, 1))
    model = ModelInfo(
        "m",
        ClauseEquals("m"),
        prices=[
            ConditionalPrice(prices=own),
            ConditionalPrice(StartDateConstraint(date(2026, 12, 1)), prices=standard),
        ],
    )
    variants = [PriceVariant({"processing": "batch"}, own, of_batches)]
    assert _since(model, own, variants, at) == at
    assert _since(model, standard, variants, NOW.replace(month=12)) == datetime(2026, 12, 1, tzinfo=UTC)


def test_the_rates_of_long_prompts_can_be_left_out_at_a_tier():
    standard, priority = (find("openai", "gpt-5.4", tier, NOW)["output_mtok"] for tier in (None, "priority"))
    assert (standard.known_to, priority.known_to) == (None, 272_000)


def test_a_date_is_meant_in_utc():
    berlin = timezone(timedelta(hours=2))
    assert input_rate("openai", "o3", datetime(2025, 6, 10, 1, 59, tzinfo=berlin)) == Decimal("0.00001")
    assert input_rate("openai", "o3", datetime(2025, 6, 10, 2, 0, tzinfo=berlin)) == Decimal("0.000002")


@pytest.mark.parametrize(
    ("hour", "minute", "rate"),
    [
        (0, 29, "0.000000135"),
        (0, 30, "0.00000027"),
        (16, 29, "0.00000027"),
        (16, 30, "0.000000135"),
        (23, 59, "0.000000135"),
    ],
)
def test_some_prices_change_by_the_time_of_day(hour, minute, rate):
    assert input_rate("deepseek", "deepseek-chat", NOW.replace(hour=hour, minute=minute)) == Decimal(rate)


@pytest.mark.parametrize("host", ["llm-gateway.internal", "localhost", "api.example.com"])
def test_an_unknown_host_is_taken_for_a_gateway_to_openai(host):
    assert find(host, "gpt-4o", None, NOW) == GPT_4O
    assert find(host, "gpt-4o-2024-08-06", None, NOW) == GPT_4O


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("llm-gateway.internal", "llama-3.3-70b"),
        ("llm-gateway.internal", "gpt-oss-20b"),  # of open weights: whoever serves it sets the price
        ("openai", "gpt-from-the-future"),
        ("openai", ""),
        ("openai", "my gpt-4o"),
        ("azure.ai.openai", "the-name-of-a-deployment"),
        ("", "nothing"),
    ],
)
def test_an_unknown_model_has_no_price(provider, model):
    assert find(provider, model, None, NOW) is None


@pytest.mark.parametrize(
    ("provider", "model", "rate"),
    [
        ("azure.ai.openai", "gpt-4o", "0.0000025"),
        ("mistral_ai", "mistral-large-latest", "0.000002"),
        ("x_ai", "grok-3", "0.000003"),
        ("gcp.gemini", "gemini-2.5-flash", "0.0000003"),
        ("gcp.gemini", "models/gemini-2.5-flash", "0.0000003"),
        ("gcp.vertex_ai", "gemini-2.5-flash", "0.0000003"),
        ("gcp.vertex_ai", "google/gemini-2.5-flash", "0.0000003"),
        ("aws.bedrock", "amazon.nova-lite-v1:0", "0.00000006"),
    ],
)
def test_opentelemetrys_provider_names_are_understood(provider, model, rate):
    assert input_rate(provider, model, NOW) == Decimal(rate)


def test_rates_per_character_and_per_hour():
    assert find("openai", "tts-1", None, NOW) == {"input_mchars": Rate(Decimal("0.000015"))}
    assert find("openai", "whisper-1", None, NOW) == {
        "audio_hours": Rate(Decimal("0.36")),
        "input_audio_hours": Rate(Decimal("0.36")),
    }


def test_a_model_priced_by_what_is_not_counted_is_not_a_free_one():
    found = find("mistral_ai", "mistral-ocr-2503", None, NOW)
    assert found == {"input_document_kpages": Rate(Decimal("1"))}


def test_a_model_that_costs_nothing_has_no_rates():
    assert find("openai", "omni-moderation-latest", None, NOW) == {}


def test_the_version_names_the_list():
    assert version() == f"genai-prices {genai_prices.__version__}"


@given(st.text(), st.text(), st.none() | st.text(), st.datetimes(timezones=st.just(UTC)))
def test_names_come_from_outside_and_never_raise(provider, model, tier, at):
    rates = find(provider, model, tier, at)
    assert rates is None or all(rate.base >= 0 for rate in rates.values())
