"""The facts of a model call, in the words of each instrumentation."""

import json
from decimal import Decimal

import pytest

from infraprism import dialects
from infraprism.dialects import Facts
from infraprism.pricing import Usage

USAGE = Usage(100, 40, 20, 10, None, 5)
#: One call as each spells it: 100 tokens in, of which 20 were cached and 10 written to the cache, and 40 out,
#: of which 5 were reasoning.
DIALECTS = {
    "OpenTelemetry": {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "openai.response.service_tier": "priority",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 5,
    },
    "OpenTelemetry, before": {
        "gen_ai.system": "openai",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.openai.response.service_tier": "priority",
        "gen_ai.usage.prompt_tokens": 100,
        "gen_ai.usage.completion_tokens": 40,
        "gen_ai.usage.cache_read_input_tokens": 20,
        "gen_ai.usage.cache_creation_input_tokens": 10,
        "gen_ai.usage.reasoning_tokens": 5,
    },
    "OpenLLMetry, before": {
        "gen_ai.system": "OpenAI",
        "llm.request.model": "gpt-4o",
        "llm.response.model": "gpt-4o-2024-08-06",
        "openai.response.service_tier": "priority",
        "llm.usage.prompt_tokens": 100,
        "llm.usage.completion_tokens": 40,
        "gen_ai.usage.cache_read_input_tokens": 20,
        "gen_ai.usage.cache_creation_input_tokens": 10,
        "llm.usage.reasoning_tokens": 5,
    },
    "OpenInference": {
        "llm.system": "openai",
        "llm.model_name": "gpt-4o-2024-08-06",
        "openai.response.service_tier": "priority",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 40,
        "llm.token_count.prompt_details.cache_read": 20,
        "llm.token_count.prompt_details.cache_write": 10,
        "llm.token_count.completion_details.reasoning": 5,
    },
    "Pydantic AI": {
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "openai.response.service_tier": "priority",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.details.cache_read_tokens": 20,
        "gen_ai.usage.details.reasoning_tokens": 5,
    },
}


@pytest.mark.parametrize("attributes", DIALECTS.values(), ids=DIALECTS)
def test_each_says_the_same(attributes):
    assert dialects.read(attributes) == Facts("openai", "gpt-4o-2024-08-06", "priority", USAGE)


def langfuse(details):
    return dialects.read({"langfuse.observation.usage_details": json.dumps(details)}).usage


def test_langfuse_has_usage_in_json():
    openai = {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    # Its own words count what is in no other part.
    own = {
        "input": 70,
        "input_cached_tokens": 20,
        "cache_creation_input_tokens": 10,
        "output": 35,
        "output_reasoning_tokens": 5,
        "total": 140,
    }
    assert langfuse(openai) == langfuse(own) == USAGE
    assert langfuse({"input": 1}) == Usage(1)
    assert langfuse({"input": 1, "fine_tuned": 3}) == Usage(1, unpriced=("fine_tuned",))


@pytest.mark.parametrize("text", ["{", "[]", "7", "", "[" * 100_000])
def test_json_that_is_none_says_nothing(text):
    assert dialects.read({"langfuse.observation.usage_details": text}).usage is None


def test_audio_has_names_of_its_own():
    attributes = {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.details.input_audio_tokens": 30,
        "gen_ai.usage.details.cache_audio_read_tokens": 15,
        "gen_ai.usage.details.output_audio_tokens": 12,
    }
    openinference = {
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 40,
        "llm.token_count.prompt_details.cache_read": 20,
        "llm.token_count.prompt_details.audio": 30,
        "llm.token_count.completion_details.audio": 12,
    }
    expected = Usage(100, 40, 20, None, 30, None, 12)
    assert dialects.read(openinference).usage == expected
    assert dialects.read(attributes).usage == expected._replace(cache_read_audio_tokens=15)


def test_logfire_has_the_parts_in_the_usage_of_the_api_itself():
    raw = {
        "input_tokens": 100,
        "output_tokens": 40,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 10},
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    totals = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 40}
    assert dialects.read({**totals, "gen_ai.usage.raw": json.dumps(raw)}).usage == USAGE
    # Not what counts otherwise, nor what is none.
    for other in ({**raw, "input_tokens": 70}, {}, {"input_tokens": "a"}):
        assert dialects.read({**totals, "gen_ai.usage.raw": json.dumps(other)}).usage == Usage(100, 40)
    assert dialects.read({**totals, "gen_ai.usage.raw": "{"}).usage == Usage(100, 40)


def test_a_part_above_its_whole_is_left_out_and_named():
    """So does Anthropic's API count, but no convention that is read here."""
    usage = dialects.read({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 50}).usage
    assert usage == Usage(10, invalid=("cache_read_tokens",))


def test_who_says_nothing_says_nothing():
    assert dialects.read({}) == Facts("", None, None, None)
    assert dialects.read({"gen_ai.request.model": "gpt-4o"}) == Facts("", "gpt-4o", None, None)
    assert dialects.read({"gen_ai.provider.name": 7, "gen_ai.response.model": ""}) == Facts(
        "", None, None, None
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Azure", "azure.ai.openai"),
        ("az.ai.openai", "azure.ai.openai"),
        ("google", "gcp.gemini"),
        ("mistralai", "mistral_ai"),
        ("Anthropic", "anthropic"),
        ("a gateway", "a gateway"),
    ],
)
def test_providers_have_one_name(theirs, ours):
    assert dialects.read({"llm.provider": theirs, "llm.system": "openai"}).provider == ours


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({"gen_ai.usage.cost": 0.1}, Decimal("0.1")),
        ({"llm.cost.total": 2}, Decimal(2)),
        ({"operation.cost": 1e-05}, Decimal("0.00001")),
        ({"langfuse.observation.cost_details": '{"input": 1, "total": 3}'}, Decimal(3)),
        ({"gen_ai.usage.cost": 0.0, "llm.cost.total": 0.5}, Decimal("0.5")),
        ({"gen_ai.usage.cost": 0.0}, None),
        ({"gen_ai.usage.cost": -1.0}, None),
        ({"gen_ai.usage.cost": True}, None),
        ({"gen_ai.usage.cost": "0.1"}, None),
        ({"gen_ai.usage.cost": float("inf")}, None),
        ({"gen_ai.usage.cost": float("nan")}, None),
        ({}, None),
    ],
)
def test_what_they_reckon_themselves(attributes, cost):
    assert dialects.own_cost(attributes) == cost
