"""What a call costs: worked examples and laws."""

import decimal
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infraprism.pricing import Cost, Part, Rate, Status, Usage, apply, money, price, rates, read, version

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def cost_of(usage, model="gpt-4o", provider="openai", tier=None, at=NOW):
    return price(usage, provider=provider, model=model, service_tier=tier, at=at)


def cost(status, amount, *parts):
    """A cost from the list in force; each part as ``(name, quantity, rate, amount)``."""
    return Cost(
        status,
        Decimal(amount),
        tuple(Part(name, quantity, Decimal(rate), Decimal(sum_)) for name, quantity, rate, sum_ in parts),
        currency="USD",
        source="local",
        price_version=version(),
    )


# Worked examples


def test_input_and_output():
    assert cost_of(Usage(1000, 500)) == cost(
        Status.PRICED,
        "0.0075",
        ("input", 1000, "0.0000025", "0.0025"),
        ("output", 500, "0.00001", "0.005"),
    )


def test_cached_input_is_part_of_the_input():
    assert cost_of(Usage(1000, 500, cache_read_tokens=600)) == cost(
        Status.PRICED,
        "0.00675",
        ("cache_read", 600, "0.00000125", "0.00075"),
        ("input", 400, "0.0000025", "0.001"),
        ("output", 500, "0.00001", "0.005"),
    )


def test_input_written_to_the_cache_is_part_of_the_input():
    usage = Usage(1000, 500, cache_write_tokens=300)
    assert cost_of(usage, "claude-3-5-haiku-latest", "anthropic") == cost(
        Status.PRICED,
        "0.00286",
        ("cache_write", 300, "0.000001", "0.0003"),
        ("input", 700, "0.0000008", "0.00056"),
        ("output", 500, "0.000004", "0.002"),
    )


def test_reasoning_is_part_of_the_output():
    reasoned = cost_of(Usage(1000, 500, reasoning_tokens=300), "gpt-5")
    assert reasoned == cost_of(Usage(1000, 500), "gpt-5")
    assert reasoned.amount == Decimal("0.00625")


def test_reasoning_with_a_rate_of_its_own():
    usage = Usage(100, 100, reasoning_tokens=40)
    assert cost_of(usage, "sonar-deep-research", "perplexity") == cost(
        Status.PRICED,
        "0.0008",
        ("input", 100, "0.000002", "0.0002"),
        ("reasoning", 40, "0.000003", "0.00012"),
        ("output", 60, "0.000008", "0.00048"),
    )


def test_audio_is_part_of_input_and_output():
    usage = Usage(1100, 600, input_audio_tokens=1000, output_audio_tokens=500)
    assert cost_of(usage, "gpt-audio") == cost(
        Status.PRICED,
        "0.06525",
        ("input_audio", 1000, "0.000032", "0.032"),
        ("input", 100, "0.0000025", "0.00025"),
        ("output_audio", 500, "0.000064", "0.032"),
        ("output", 100, "0.00001", "0.001"),
    )


def test_embeddings_have_no_output():
    assert cost_of(Usage(1000), "text-embedding-3-small") == cost(
        Status.PRICED, "0.00002", ("input", 1000, "0.00000002", "0.00002")
    )


def test_a_model_without_a_cache_rate_charges_cached_input_as_any_other():
    assert cost_of(Usage(1000, cache_read_tokens=500), "text-embedding-3-small") == cost_of(
        Usage(1000), "text-embedding-3-small"
    )


def test_long_context_counts_the_cached_part_and_applies_to_everything():
    assert cost_of(Usage(278_476, 630, cache_read_tokens=7_936), "gpt-5.4") == cost(
        Status.PRICED,
        "1.370843",
        ("cache_read", 7_936, "0.0000005", "0.003968"),
        ("input", 270_540, "0.000005", "1.3527"),
        ("output", 630, "0.0000225", "0.014175"),
    )


def test_the_tier_that_served_the_call():
    assert cost_of(Usage(1000, 500), tier="priority") == cost(
        Status.PRICED,
        "0.01275",
        ("input", 1000, "0.00000425", "0.00425"),
        ("output", 500, "0.000017", "0.0085"),
    )._replace(effective_from=datetime(2026, 10, 12, tzinfo=UTC))


@pytest.mark.parametrize(("tokens", "status"), [(272_000, Status.PRICED), (272_001, Status.PARTIAL)])
def test_a_tier_that_leaves_out_the_rates_of_long_prompts_gives_a_floor(tokens, status):
    found = cost_of(Usage(tokens, 0), "gpt-5.4", tier="priority")
    assert (found.status, found.amount) == (status, Decimal("0.000005") * tokens)


def test_a_price_per_request():
    assert cost_of(Usage(10, 10), "sonar", "perplexity") == cost(
        Status.PRICED,
        "0.01202",
        ("input", 10, "0.000001", "0.00001"),
        ("output", 10, "0.000001", "0.00001"),
        ("requests", 1, "0.012", "0.012"),
    )


# What is not known is said


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param({"usage": None}, id="no usage"),
        pytest.param({"model": None}, id="no model"),
        pytest.param({"model": ""}, id="empty model"),
        pytest.param({"model": "gpt-from-the-future"}, id="unknown model"),
        pytest.param({"tier": "scale"}, id="tier without rates"),
        pytest.param({"usage": Usage(invalid=("input_tokens",))}, id="nothing usable"),
        pytest.param({"model": "tts-1"}, id="model priced by characters"),
        pytest.param({"model": "mistral-ocr-2503", "provider": "mistral_ai"}, id="model priced by pages"),
    ],
)
def test_no_amount_where_there_is_no_price(unknown):
    assert cost_of(**{"usage": Usage(1000, 500), **unknown}) == Cost(Status.UNPRICED, amount=None)


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        pytest.param(
            Usage(1000, 500, input_audio_tokens=100),
            [("input", 900, "0.0000025", "0.00225"), ("output", 500, "0.00001", "0.005")],
            id="audio in",
        ),
        pytest.param(
            Usage(1000, 500, output_audio_tokens=100),
            [("input", 1000, "0.0000025", "0.0025"), ("output", 400, "0.00001", "0.004")],
            id="audio out",
        ),
        pytest.param(
            Usage(1000, 500, unpriced=("web_search_call",)),
            [("input", 1000, "0.0000025", "0.0025"), ("output", 500, "0.00001", "0.005")],
            id="billed tool",
        ),
        pytest.param(Usage(1000), [("input", 1000, "0.0000025", "0.0025")], id="no output reported"),
        pytest.param(Usage(None, 500), [("output", 500, "0.00001", "0.005")], id="no input reported"),
        pytest.param(
            Usage(1000, invalid=("output_tokens",)),
            [("input", 1000, "0.0000025", "0.0025")],
            id="impossible output",
        ),
    ],
)
def test_the_amount_is_a_floor_where_a_part_has_no_price(usage, known):
    amount = sum(Decimal(amount) for *_, amount in known)
    assert cost_of(usage) == cost(Status.PARTIAL, amount, *known)


def test_the_amount_is_estimated_where_the_report_contradicts_itself():
    report = {
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 1001},
    }
    assert cost_of(read(report)) == cost_of(Usage(1000, 500))._replace(status=Status.ESTIMATED)


def test_a_free_model_costs_nothing_and_says_so():
    assert cost_of(Usage(1000, 0), "omni-moderation-latest") == cost(Status.FREE, "0")


def test_a_listed_rate_of_zero_is_free_as_well():
    listed = {"input_mtok": Rate(Decimal(0)), "output_mtok": Rate(Decimal(0))}
    assert apply(Usage(10, 5), listed, version()) == cost(
        Status.FREE, "0", ("input", 10, "0", "0"), ("output", 5, "0", "0")
    )


def test_a_free_model_with_a_billed_tool_has_a_floor():
    usage = Usage(1000, 0, unpriced=("web_search_call",))
    assert cost_of(usage, "omni-moderation-latest") == cost(Status.PARTIAL, "0")


def test_the_price_of_the_day():
    def on(*day):
        return cost_of(Usage(1000, 500), "o3", at=datetime(*day, tzinfo=UTC)).amount

    assert (on(2025, 6, 9, 23, 59, 59), on(2025, 6, 10)) == (Decimal("0.03"), Decimal("0.006"))


def test_the_price_of_the_hour():
    def at(hour):
        return cost_of(Usage(1000, 500), "deepseek-chat", "deepseek", at=NOW.replace(hour=hour)).amount

    assert (at(12), at(20)) == (Decimal("0.00082"), Decimal("0.00041"))


# Laws

MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-audio-preview"),
    ("openai", "gpt-5.4"),
    ("openai", "gpt-audio"),
    ("openai", "o3"),
    ("openai", "text-embedding-3-small"),
    ("anthropic", "claude-3-5-haiku-latest"),
    ("azure.ai.openai", "gpt-4o"),
    ("deepseek", "deepseek-chat"),
    ("gcp.gemini", "gemini-2.5-flash"),
    ("perplexity", "sonar"),
    ("perplexity", "sonar-deep-research"),
    ("gateway.internal", "gpt-5"),
]
models = st.sampled_from(MODELS)


@st.composite
def usages(draw, most=10**7):
    """Usage that does not contradict itself: details are parts of their wholes."""
    count = st.integers(0, most)
    cached, written, heard, text = (draw(count) for _ in range(4))
    reasoning, spoken, said = (draw(count) for _ in range(3))
    return Usage(
        cached + written + heard + text,
        reasoning + spoken + said,
        cached,
        written,
        heard,
        reasoning,
        spoken,
    )


@given(models, usages())
def test_parts_add_up_to_the_amount_exactly(model, usage):
    provider, name = model
    found = cost_of(usage, name, provider)
    assert all(part.amount == money.EXACT.multiply(part.rate, part.quantity) for part in found.parts)
    assert money.total(part.amount for part in found.parts) == found.amount


@given(models, usages())
def test_each_token_is_charged_once_or_the_amount_is_a_floor(model, usage):
    provider, name = model
    found = cost_of(usage, name, provider)
    charged = sum(part.quantity for part in found.parts if part.name != "requests")
    if found.status is Status.PARTIAL:
        assert charged <= usage.input_tokens + usage.output_tokens
    else:
        assert found.status is (Status.PRICED if found.amount else Status.ESTIMATED)
        assert charged == usage.input_tokens + usage.output_tokens


@given(models, usages(), st.integers(0, 10**7), st.integers(0, 10**7))
def test_more_tokens_never_cost_less(model, usage, more_input, more_output):
    provider, name = model
    more = usage._replace(
        input_tokens=usage.input_tokens + more_input, output_tokens=usage.output_tokens + more_output
    )
    assert cost_of(more, name, provider).amount >= cost_of(usage, name, provider).amount


@given(models, usages(), st.sampled_from(["cache_read_tokens", "input_audio_tokens", "output_audio_tokens"]))
def test_a_token_more_of_a_kind_never_costs_less(model, usage, kind):
    provider, name = model
    whole = "output_tokens" if kind.startswith("output") else "input_tokens"
    more = usage._replace(**{kind: getattr(usage, kind) + 1, whole: getattr(usage, whole) + 1})
    assert cost_of(more, name, provider).amount >= cost_of(usage, name, provider).amount


@given(models.filter(lambda model: model[1] != "sonar"), usages(most=20_000), usages(most=20_000))
def test_within_one_tier_two_calls_cost_what_one_of_both_would(model, one, other):
    provider, name = model  # not sonar: it charges each request
    both = Usage(*(a + b for a, b in zip(one[:7], other[:7], strict=True)))
    apart = [cost_of(usage, name, provider).amount for usage in (one, other)]
    assert money.total(apart) == cost_of(both, name, provider).amount


@given(models, usages())
@example(("openai", "gpt-5.4"), Usage(278_476, 630, 7_936))
def test_the_hosts_decimal_context_changes_nothing(model, usage):
    provider, name = model
    expected = cost_of(usage, name, provider)
    hostile = decimal.Context(prec=3, Emax=3, Emin=-3, capitals=0, traps=list(decimal.Context().traps))
    rates._resolve.cache_clear()
    with decimal.localcontext(hostile):
        found = cost_of(usage, name, provider)
        text = money.text(found.amount)
    assert found == expected
    assert text == money.text(expected.amount)
