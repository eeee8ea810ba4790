"""Usage that no API should report, two thousand of it; 100,000, which take some minutes, by

``python -m pytest tests/pricing/test_fuzz.py --hypothesis-profile=fuzz``
"""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from infraprism.pricing import Cost, Status, money, price, read, reading
from tests.support.prices import priced_by

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-audio-preview"),
    ("openai", "gpt-5.4"),
    ("openai", "gpt-audio"),
    ("openai", "gpt-image-1.5"),
    ("openai", "gpt-realtime"),
    ("openai", "omni-moderation-latest"),
    ("openai", "text-embedding-3-small"),
    ("openai", "tts-1"),
    ("openai", "whisper-1"),
    ("anthropic", "claude-3-5-haiku-latest"),
    ("azure.ai.openai", "gpt-4o"),
    ("deepseek", "deepseek-chat"),
    ("gateway.internal", "gpt-5"),
    ("groq", "whisper-large-v3"),
    ("mistral_ai", "voxtral-small-latest"),
    ("mistral_ai", "mistral-ocr-2503"),
    ("perplexity", "sonar"),
    ("perplexity", "sonar-deep-research"),
    ("vllm.internal", "llama-4-70b"),
]
#: A price for everything at one model, and adjustments for two teams.
OWN_PRICES = """
[[prices]]
provider = "openai"
model = "gpt-4o"
input = "2"
cached_input = "0.5"
cache_write = "2.5"
reasoning = "9"
output = "8"
input_audio = "30"
cached_input_audio = "0.3"
output_audio = "60"
input_image = "3"
cached_input_image = "0.4"
output_image = "40"
audio_hours = "0.36"
requests = "1"
long_context = [{ above = 1000, input = "4", output = "12" }]

[[adjustments]]
entity_type = "team"
entity_id = "search"
percent = "-12.3456"

[[adjustments]]
entity_type = "team"
entity_id = "sponsored"
percent = "-100"
"""

names = st.sampled_from(reading._NAMES)
CHAT, OTHERS = ("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")
DETAILS = (
    "cached_tokens",
    "cache_write_tokens",
    "audio_tokens",
    "image_tokens",
    "reasoning_tokens",
    "cached_tokens_details",
)
counts = st.integers(0, 300_000) | st.integers(-1, 1500)
odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.floats(0, 10**6)
leaves = counts | odd
nested = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=8,
)


def mostly(likely):
    """One of `likely`, and once in ten times anything."""
    return st.integers(0, 9).flatmap(lambda number: likely if number else leaves)


def reported(whole, details, **optional):
    """Usage of the shape that an API has, of which each number may be odd."""
    number = mostly(st.integers(0, 300_000))
    cached = st.dictionaries(st.sampled_from(("audio_tokens", "image_tokens")), counts, max_size=2)
    detail = st.dictionaries(
        st.sampled_from(DETAILS), mostly(st.integers(0, 1500) | st.integers(0, 50) | cached), max_size=4
    )
    further = dict.fromkeys(details, detail | leaves) | {"total_tokens": number}
    return st.fixed_dictionaries(dict.fromkeys(whole, number), optional=further | optional)


costs = st.floats(0, 10) | leaves | st.fixed_dictionaries({"total_cost": leaves})
fees = {
    "cost": costs,
    "is_byok": odd,
    "cost_details": st.fixed_dictionaries({"upstream_inference_cost": costs}),
}
payloads = st.one_of(
    reported(CHAT, ("prompt_tokens_details", "completion_tokens_details")),
    reported(CHAT, ("prompt_tokens_details",), **fees),
    reported(CHAT, (), cost_in_usd_ticks=leaves, prompt_audio_seconds=leaves),
    reported(OTHERS, ("input_tokens_details", "output_tokens_details")),
    reported(OTHERS, ("input_token_details", "output_token_details")),
    reported(("prompt_tokens",), (), prompt_cache_hit_tokens=leaves, cached_tokens=leaves),
    st.fixed_dictionaries({"seconds": st.floats(0, 10**6) | leaves}),
    st.dictionaries(names, nested, max_size=7),
    nested,
)
tiers = st.sampled_from([None, None, "default", "priority", "flex", "scale"])
entities = st.sampled_from([None, ("team", "search"), ("team", "sponsored"), (None, None)])


def as_object(value):
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(part) for key, part in value.items()})
    return value


@settings(max_examples=max(2000, settings.default.max_examples), deadline=None)
@given(
    payload=payloads,
    form=st.sampled_from([dict, as_object]),
    model=st.sampled_from(MODELS),
    tier=tiers,
    batch=st.booleans(),
    entity=entities,
    own=st.booleans(),
)
def test_no_payload_raises_or_gives_a_wrong_amount(payload, form, model, tier, batch, entity, own):
    usage = read(as_object(payload) if form is as_object else payload)
    with priced_by(OWN_PRICES if own else None):
        found = price(
            usage, provider=model[0], model=model[1], service_tier=tier, at=NOW, batch=batch, entity=entity
        )
    if usage is None:
        assert found == Cost(Status.UNPRICED)
        return
    assert_consistent(usage)
    assert (found.amount is None) == (found.status is Status.UNPRICED)
    if found.amount is None:
        assert found.parts == ()
        return
    assert found.amount >= 0
    assert all(part.quantity >= 0 and part.rate >= 0 and part.amount >= 0 for part in found.parts)
    assert money.total(part.amount for part in found.parts) == found.amount
    assert Decimal(money.text(found.amount)) == found.amount
    if usage.reported_cost is not None:
        assert (found.source, found.amount) == ("provider", usage.reported_cost)
        assert found.status is (Status.PRICED if found.amount else Status.FREE)
    elif found.status is Status.PRICED:
        assert not usage.invalid
        # A zero is marked, or the API said that nothing was used, or so little audio that it costs nothing.
        used = any(count for count in usage[:7]) or (usage.audio_seconds or 0) > 1
        assert found.amount > 0 or not used
    elif found.status is Status.FREE:
        assert found.amount == 0
        assert model[1] == "omni-moderation-latest" or (own and entity == ("team", "sponsored"))


def assert_consistent(usage):
    """Details are parts of their wholes, and all are counts."""
    counts = usage._replace(invalid=None, unpriced=None, audio_seconds=None, reported_cost=None)
    assert all(count is None or (type(count) is int and 0 <= count < 2**63) for count in counts)
    inputs, outputs, cached, written, heard, reasoning, spoken = (count or 0 for count in usage[:7])
    seen, drawn, cached_heard, cached_seen = (count or 0 for count in usage[9:13])
    assert cached_heard <= heard
    assert cached_seen <= seen
    assert cached_heard + cached_seen <= cached
    apart = cached + written + heard - cached_heard + seen - cached_seen
    assert usage.input_tokens is None or apart <= inputs
    assert usage.output_tokens is None or reasoning + spoken + drawn <= outputs
