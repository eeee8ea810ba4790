"""What is billed beside plain tokens: kinds of tokens, hours of audio, characters, tools, a reported cost."""

import decimal
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import Cost, Part, Rate, Status, Usage, apply, money, price, read, version

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text()


def cost_of(usage, model, provider="openai", **more):
    return price(usage, provider=provider, model=model, **{"service_tier": None, "at": NOW, **more})


def cost(status, amount, *parts):
    """A cost from the list in force; each part as ``(name, quantity, rate, amount)``."""
    made = tuple(Part(name, quantity, Decimal(rate), Decimal(sum_)) for name, quantity, rate, sum_ in parts)
    return Cost(status, Decimal(amount), made, "USD", "local", version())


REALTIME = Usage(
    1000,
    500,
    cache_read_tokens=700,
    input_audio_tokens=600,
    output_audio_tokens=400,
    input_image_tokens=100,
    cache_read_audio_tokens=400,
    cache_read_image_tokens=50,
)


def test_cached_audio_and_images_are_in_two_wholes_and_billed_once():
    assert cost_of(REALTIME, "gpt-realtime") == cost(
        Status.PRICED,
        "0.034335",
        ("cache_read_audio", 400, "0.0000004", "0.00016"),
        ("cache_read_image", 50, "0.0000005", "0.000025"),
        ("input_image", 50, "0.000005", "0.00025"),
        ("cache_read", 250, "0.0000004", "0.0001"),
        ("input_audio", 200, "0.000032", "0.0064"),
        ("input", 50, "0.000004", "0.0002"),
        ("output_audio", 400, "0.000064", "0.0256"),
        ("output", 100, "0.000016", "0.0016"),
    )


@pytest.mark.parametrize(
    ("keys", "billed"),
    [
        pytest.param(
            {"input_audio_mtok", "input_image_mtok"},
            {"input_image": 100, "cache_read": 250, "input_audio": 600, "input": 50},
            id="cached audio is audio, a cached image an image",
        ),
        pytest.param(
            {"input_audio_mtok"},
            {"cache_read": 300, "input_audio": 600, "input": 100},
            id="images are text, and cached as text is",
        ),
        pytest.param(
            {"input_audio_mtok", "cache_audio_read_mtok"},
            {"cache_read_audio": 400, "cache_read": 300, "input_audio": 200, "input": 100},
            id="only audio has rates of its own",
        ),
    ],
)
def test_a_kind_without_a_cache_rate_costs_what_the_kind_costs(keys, billed):
    listed = dict.fromkeys({"input_mtok", "cache_read_mtok", *keys}, Rate(Decimal(1)))
    found = apply(REALTIME._replace(output_tokens=None, output_audio_tokens=None), listed, version())
    assert found.status is Status.PRICED
    assert {part.name: part.quantity for part in found.parts} == billed
    assert sum(billed.values()) == REALTIME.input_tokens


def test_cached_audio_has_no_price_where_audio_has_none():
    listed = dict.fromkeys({"input_mtok", "cache_read_mtok"}, Rate(Decimal(1)))
    found = apply(
        Usage(100, cache_read_tokens=60, input_audio_tokens=50, cache_read_audio_tokens=40), listed, ""
    )
    assert found.status is Status.PARTIAL
    assert {part.name: part.quantity for part in found.parts} == {"cache_read": 20, "input": 30}


def test_images_read_by_a_chat_model_cost_what_text_costs():
    assert cost_of(Usage(1000, 500, input_image_tokens=800), "gpt-4o") == cost_of(Usage(1000, 500), "gpt-4o")


def test_images_made_at_a_rate_of_their_own():
    usage = Usage(1050, 4200, input_image_tokens=1000, output_image_tokens=4160)
    assert cost_of(usage, "gpt-image-1.5") == cost(
        Status.PRICED,
        "0.14177",
        ("input_image", 1000, "0.000008", "0.008"),
        ("input", 50, "0.000005", "0.00025"),
        ("output_image", 4160, "0.000032", "0.13312"),
        ("output", 40, "0.00001", "0.0004"),
    )


def test_images_made_by_a_model_that_makes_nothing_else_cost_what_its_output_costs():
    usage = Usage(50, 4160, output_image_tokens=4160)
    assert cost_of(usage, "gpt-image-1") == cost(
        Status.PRICED,
        "0.16665",
        ("input", 50, "0.000005", "0.00025"),
        ("output", 4160, "0.00004", "0.1664"),
    )


@pytest.mark.parametrize(
    ("usage", "model"),
    [
        pytest.param(Usage(50, 100, output_image_tokens=100), "gpt-5-image", id="no rate for images"),
        pytest.param(Usage(50, 100), "gpt-image-1.5", id="not said what the output was"),
    ],
)
def test_images_at_the_rate_of_text_are_a_floor(usage, model):
    found = cost_of(usage, model)
    assert (found.status, found.parts[-1]) == (
        Status.PARTIAL,
        Part("output", 100, Decimal("0.00001"), Decimal("0.001")),
    )


# Audio by the hour


@pytest.mark.parametrize(
    ("model", "seconds", "rate", "amount"),
    [
        ("whisper-1", 60, "0.36", "0.006"),
        ("whisper-1", Decimal("3.4"), "0.36", "0.00034"),
        ("whisper-1", 0, "0.36", "0"),
        ("gpt-live-transcribe", 3600, "1.02", "1.02"),  # a second of it has no last digit, an hour has
        ("gpt-live-transcribe", 1, "1.02", "0.000283333333"),
        ("gpt-live-transcribe", 2, "1.02", "0.000566666667"),
    ],
)
def test_audio_is_billed_by_its_length(model, seconds, rate, amount):
    assert cost_of(Usage(audio_seconds=seconds), model) == cost(
        Status.PRICED, amount, ("audio_seconds", seconds, rate, amount)
    )


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(Usage(audio_seconds=60), id="by its length"),
        pytest.param(Usage(input_characters=60), id="by its characters"),
        pytest.param(Usage(images=1), id="by its number"),
        pytest.param(Usage(video_seconds=8), id="by its length in pictures"),
        pytest.param(Usage(), id="by nothing"),
    ],
)
def test_what_a_model_has_no_rate_for_has_no_price(usage):
    assert cost_of(usage, "gpt-4o-transcribe") == Cost(Status.UNPRICED)


@pytest.mark.parametrize(("seconds", "billed"), [(0, 0), (Decimal("0.5"), 10), (10, 10), (11, 11)])
def test_groq_bills_ten_seconds_at_least(seconds, billed):
    amount = Decimal("0.111") * billed / 3600
    found = cost_of(Usage(audio_seconds=seconds), "whisper-large-v3", "groq")
    assert [part[:3] for part in found.parts] == [("audio_seconds", billed, Decimal("0.111"))]
    assert found.amount == round(amount, 12)
    assert cost_of(Usage(audio_seconds=1), "whisper-1").parts[0].quantity == 1


def test_tokens_have_no_price_in_a_model_that_is_billed_by_the_hour():
    assert cost_of(Usage(1000, 500), "whisper-1") == Cost(Status.UNPRICED)
    assert cost_of(Usage(1000, audio_seconds=60), "whisper-1") == cost(
        Status.PARTIAL, "0.006", ("audio_seconds", 60, "0.36", "0.006")
    )


# Characters and tools


def test_speech_is_billed_by_its_characters():
    assert cost_of(Usage(input_characters=1000), "tts-1") == cost(
        Status.PRICED, "0.015", ("input_characters", 1000, "0.000015", "0.015")
    )


def test_tools_are_billed_beside_the_tokens():
    assert cost_of(Usage(1000, 500, web_searches=2, file_searches=1), "gpt-5") == cost(
        Status.PRICED,
        "0.02875",
        ("input", 1000, "0.00000125", "0.00125"),
        ("output", 500, "0.00001", "0.005"),
        ("web_searches", 2, "0.01", "0.02"),
        ("file_searches", 1, "0.0025", "0.0025"),
    )


def test_a_tool_without_a_price_makes_the_amount_a_floor():
    plain = cost_of(Usage(1000, 500), "gpt-4.1-nano")
    assert cost_of(Usage(1000, 500, web_searches=1), "gpt-4.1-nano") == plain._replace(status=Status.PARTIAL)
    assert cost_of(Usage(1000, 500, web_searches=0), "gpt-4.1-nano") == plain


@pytest.mark.parametrize("tool", ["web_searches", "file_searches"])
def test_a_tool_used_by_a_free_model_makes_the_amount_a_floor(tool):
    assert cost_of(Usage(10, 5, **{tool: 1}), "omni-moderation-latest") == cost(Status.PARTIAL, "0")


@pytest.mark.parametrize(
    "further", [{"images": 1}, {"video_seconds": 4}, {"input_characters": 7}, {"audio_seconds": 9}]
)
def test_what_is_used_and_has_no_rate_makes_the_amount_a_floor(further):
    plain = cost_of(Usage(1000, 500), "gpt-4o")
    assert cost_of(Usage(1000, 500, **further), "gpt-4o") == plain._replace(status=Status.PARTIAL)


# What looks free


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("input_document_kpages", Status.PARTIAL),
        ("input_audio_hours", Status.PARTIAL),
        ("input_gpixels", Status.PARTIAL),
        ("web_searches_kcount", Status.FREE),  # a tool that was not used costs nothing
    ],
)
def test_a_rate_for_what_nothing_measures_keeps_a_model_from_looking_free(key, status):
    listed = {"input_mtok": Rate(Decimal(0)), "output_mtok": Rate(Decimal(0)), key: Rate(Decimal(3))}
    found = apply(Usage(10, 5), listed, version())
    assert (found.status, found.amount) == (status, 0)


# What the provider says


def test_the_providers_own_cost_wins():
    usage = Usage(1000, 500, unpriced=("web_search_call",), reported_cost=Decimal("0.00123"))
    amount = Decimal("0.00123")
    assert cost_of(usage, "gpt-4o") == Cost(
        Status.PRICED, amount, (Part("reported", 1, amount, amount),), "USD", "provider", None
    )
    assert cost_of(usage, None) == cost_of(usage, "gpt-from-the-future") == cost_of(usage, "gpt-4o")


def test_the_provider_says_that_it_is_free():
    usage = Usage(1000, 500, reported_cost=Decimal("0.0"))
    found = cost_of(usage, "gpt-4o")
    assert (found.status, found.amount, found.source) == (Status.FREE, 0, "provider")


# Batches


def test_a_batch_is_billed_at_its_own_rates():
    assert cost_of(Usage(1000, 500), "gpt-5", batch=True) == cost(
        Status.PRICED,
        "0.003125",
        ("input", 1000, "0.000000625", "0.000625"),
        ("output", 500, "0.000005", "0.0025"),
    )._replace(effective_from=datetime(2026, 10, 14, tzinfo=UTC))


def test_a_batch_has_no_price_where_none_is_listed():
    assert cost_of(Usage(1000, 500), "gpt-4o-audio-preview", batch=True) == Cost(Status.UNPRICED)


# Laws

TOKEN_KEYS = [
    "cache_read_mtok",
    "cache_write_mtok",
    "input_audio_mtok",
    "input_image_mtok",
    "cache_audio_read_mtok",
    "cache_image_read_mtok",
    "output_reasoning_mtok",
    "output_audio_mtok",
    "output_image_mtok",
]
OTHER_KEYS = ["input_mchars", "audio_hours", "web_searches_kcount", "storage_searches_kcount"]
#: Rates of a plausible list: a kind costs at least what the same tokens cost out of the cache.
RATES = {
    "input_mtok": "0.000004",
    "cache_read_mtok": "0.0000004",
    "cache_write_mtok": "0.000005",
    "input_audio_mtok": "0.000032",
    "input_image_mtok": "0.000005",
    "cache_audio_read_mtok": "0.0000004",
    "cache_image_read_mtok": "0.0000005",
    "output_mtok": "0.000016",
    "output_reasoning_mtok": "0.00002",
    "output_audio_mtok": "0.000064",
    "output_image_mtok": "0.00004",
    "input_mchars": "0.000015",
    "audio_hours": "1.02",
    "web_searches_kcount": "0.01",
    "storage_searches_kcount": "0.0025",
}
lists = st.sets(st.sampled_from(TOKEN_KEYS + OTHER_KEYS)).map(
    lambda keys: {key: Rate(Decimal(RATES[key])) for key in {"input_mtok", "output_mtok", *keys}}
)
#: The smallest kinds of tokens, which overlap with no other: in which fields each of them is counted.
ATOMS = [
    ("input_tokens",),
    ("input_tokens", "cache_read_tokens"),
    ("input_tokens", "cache_write_tokens"),
    ("input_tokens", "input_audio_tokens"),
    ("input_tokens", "input_image_tokens"),
    ("input_tokens", "input_audio_tokens", "cache_read_tokens", "cache_read_audio_tokens"),
    ("input_tokens", "input_image_tokens", "cache_read_tokens", "cache_read_image_tokens"),
    ("output_tokens",),
    ("output_tokens", "reasoning_tokens"),
    ("output_tokens", "output_audio_tokens"),
    ("output_tokens", "output_image_tokens"),
]
NOTHING_USED = Usage(
    **dict.fromkeys({field for atom in ATOMS for field in atom}, 0),
    input_characters=0,
    audio_seconds=0,
    web_searches=0,
    file_searches=0,
)


def with_more(usage, fields, more):
    return usage._replace(**{field: getattr(usage, field) + more for field in fields})


@st.composite
def usages(draw):
    """Usage of everything that does not contradict itself: details are parts of their wholes."""
    usage = NOTHING_USED
    for fields in ATOMS:
        usage = with_more(usage, fields, draw(st.integers(0, 10**7)))
    return usage._replace(
        input_characters=draw(st.integers(0, 10**6)),
        audio_seconds=draw(st.integers(0, 10**5) | st.decimals(0, 10**5, places=6)),
        web_searches=draw(st.integers(0, 50)),
        file_searches=draw(st.integers(0, 50)),
    )


@given(usages(), lists)
def test_parts_add_up_to_the_amount_exactly(usage, listed):
    found = apply(usage, listed, version())
    assert money.total(part.amount for part in found.parts) == found.amount
    for part in found.parts:
        exact = money.EXACT.multiply(part.rate, part.quantity)
        if part.name == "audio_seconds":
            # Half of the last of 12 places, an hour long.
            assert abs(part.amount * 3600 - exact) <= Decimal("0.5e-12") * 3600
        else:
            assert part.amount == exact


@given(usages(), lists)
def test_each_token_is_charged_once_and_no_detail_is_added_to_its_whole(usage, listed):
    found = apply(usage, listed, version())
    charged = [part for part in found.parts if part.name not in {"input_characters", "audio_seconds"}]
    charged = sum(part.quantity for part in charged if not part.name.endswith("searches"))
    whole = usage.input_tokens + usage.output_tokens
    assert all(part.quantity >= 0 for part in found.parts)
    if {"input_audio_mtok", "output_audio_mtok"} <= listed.keys():
        assert charged == whole
    else:
        assert charged <= whole
    if found.status is Status.PRICED:
        assert charged == whole


@given(usages(), lists, st.sampled_from(ATOMS), st.integers(1, 10**6))
def test_more_tokens_of_any_kind_never_cost_less(usage, listed, fields, more):
    costs_more = apply(with_more(usage, fields, more), listed, version())
    assert costs_more.amount >= apply(usage, listed, version()).amount


@given(
    usages(),
    lists,
    st.sampled_from(["input_characters", "web_searches", "file_searches"]),
    st.integers(1, 1000),
)
def test_more_of_what_is_no_token_never_costs_less(usage, listed, field, more):
    costs_more = apply(with_more(usage, [field], more), listed, version())
    assert costs_more.amount >= apply(usage, listed, version()).amount


@given(usages(), usages(), lists)
def test_two_calls_cost_what_one_of_both_would(one, other, listed):
    # Not with audio by the hour: each of two amounts is rounded to its last place.
    one, other = one._replace(audio_seconds=0), other._replace(audio_seconds=0)
    used = [field for field, count in NOTHING_USED._asdict().items() if count == 0]
    both = one._replace(**{field: getattr(one, field) + getattr(other, field) for field in used})
    apart = [apply(usage, listed, version()).amount for usage in (one, other)]
    assert money.total(apart) == apply(both, listed, version()).amount


@given(usages(), lists, st.decimals("0.000001", 1000, places=6))
def test_longer_audio_never_costs_less(usage, listed, more):
    longer = usage._replace(audio_seconds=usage.audio_seconds + more)
    assert apply(longer, listed, version()).amount >= apply(usage, listed, version()).amount


@given(usages(), lists, st.floats(0, 10**6))
def test_the_hosts_decimal_context_changes_nothing(usage, listed, seconds):
    expected = apply(usage, listed, version()), read({"seconds": seconds}), read({"cost": seconds})
    with decimal.localcontext(decimal.Context(prec=3, Emax=3, Emin=-3, capitals=0)):
        assert (
            apply(usage, listed, version()),
            read({"seconds": seconds}),
            read({"cost": seconds}),
        ) == expected


# The docs


def test_every_part_is_documented():
    every = Usage(
        100,
        100,
        cache_read_tokens=30,
        cache_write_tokens=10,
        input_audio_tokens=20,
        reasoning_tokens=10,
        output_audio_tokens=10,
        input_image_tokens=20,
        output_image_tokens=10,
        cache_read_audio_tokens=10,
        cache_read_image_tokens=10,
        input_characters=1,
        audio_seconds=1,
        web_searches=1,
        file_searches=1,
    )
    kinds = "input cache_read cache_write input_audio input_image cache_audio_read cache_image_read"
    kinds += " output output_reasoning output_audio output_image"
    keys = [f"{kind}_mtok" for kind in kinds.split()]
    keys += [
        "input_mchars",
        "audio_hours",
        "web_searches_kcount",
        "storage_searches_kcount",
        "requests_kcount",
    ]
    found = apply(every, dict.fromkeys(keys, Rate(Decimal(1))), version())
    assert (found.status, len(found.parts)) == (Status.PRICED, len(keys))
    names = {part.name for part in found.parts} | {"reported"}
    row = next(line for line in REFERENCE.splitlines() if line.startswith("| `infraprism.cost.input`"))
    assert set(re.findall(r"`infraprism\.cost\.(\w+)`", row)) == names


def test_every_status_is_documented():
    table = REFERENCE.partition("| status | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Status)
