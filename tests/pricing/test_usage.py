"""Usage as the API reports it, and what becomes of reports that cannot be."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage
from openai.types.create_embedding_response import Usage as EmbeddingUsage
from openai.types.responses import ResponseUsage

from infraprism.pricing import Usage, read

CHAT = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 100, "cache_write_tokens": 50},
    "completion_tokens_details": {
        "reasoning_tokens": 300,
        "audio_tokens": 20,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
RESPONSE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 50},
    "output_tokens": 500,
    "output_tokens_details": {"reasoning_tokens": 300},
    "total_tokens": 1500,
}


def as_object(value):
    """A dict, and every dict in it, as an object with attributes."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(part) for key, part in value.items()})
    return value


@pytest.mark.parametrize(
    "report", [CHAT, CompletionUsage.model_validate(CHAT), as_object(CHAT)], ids=["dict", "model", "object"]
)
def test_a_chat_completion(report):
    assert read(report) == Usage(
        input_tokens=1000,
        output_tokens=500,
        cache_read_tokens=600,
        cache_write_tokens=50,
        input_audio_tokens=100,
        reasoning_tokens=300,
        output_audio_tokens=20,
    )


@pytest.mark.parametrize(
    "report",
    [RESPONSE, ResponseUsage.model_validate(RESPONSE), as_object(RESPONSE)],
    ids=["dict", "model", "object"],
)
def test_a_response(report):
    assert read(report) == Usage(
        input_tokens=1000,
        output_tokens=500,
        cache_read_tokens=600,
        cache_write_tokens=50,
        reasoning_tokens=300,
    )


@pytest.mark.parametrize(
    "report",
    [{"prompt_tokens": 8, "total_tokens": 8}, EmbeddingUsage(prompt_tokens=8, total_tokens=8)],
    ids=["dict", "model"],
)
def test_embeddings(report):
    assert read(report) == Usage(input_tokens=8)


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        pytest.param(
            {**CHAT, "prompt_tokens_details": None, "completion_tokens_details": None},
            Usage(1000, 500),
            id="chat",
        ),
        pytest.param(
            {**RESPONSE, "input_tokens_details": None, "output_tokens_details": None},
            Usage(1000, 500),
            id="response",
        ),
        pytest.param({"prompt_tokens": 1, "completion_tokens": 2}, Usage(1, 2), id="not there"),
        pytest.param(
            CompletionUsage.model_construct(prompt_tokens=1, completion_tokens=2, total_tokens=3),
            Usage(1, 2),
            id="model",
        ),
    ],
)
def test_details_may_be_missing(report, usage):
    assert read(report) == usage


@pytest.mark.parametrize(
    "report", [None, {}, {"total_tokens": 3}, {"prompt_tokens": None}, [], "usage", 7, object()], ids=repr
)
def test_nothing_reported(report):
    assert read(report) is None


def test_half_a_report():
    assert read({"prompt_tokens": 5}) == Usage(input_tokens=5)
    assert read({"prompt_tokens": None, "completion_tokens": 5}) == Usage(output_tokens=5)
    assert read({"output_tokens": 5}) == Usage(output_tokens=5)


def test_what_is_billed_beside_the_tokens_is_carried_along():
    assert read(RESPONSE, unpriced=("web_search_call",)).unpriced == ("web_search_call",)


@pytest.mark.parametrize(
    "impossible",
    [-1, True, False, float("nan"), float("inf"), 1.5, "7", [7], {"value": 7}, 2**63, 1e300],
    ids=repr,
)
def test_what_is_not_a_count_is_dropped_and_named(impossible):
    assert read({"prompt_tokens": impossible, "completion_tokens": 5}) == Usage(
        output_tokens=5, invalid=("input_tokens",)
    )
    assert read({"prompt_tokens": 5, "completion_tokens": impossible}) == Usage(
        input_tokens=5, invalid=("output_tokens",)
    )
    details = {"cached_tokens": impossible, "audio_tokens": 1}
    assert read({"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": details}) == Usage(
        5, 2, input_audio_tokens=1, invalid=("cache_read_tokens",)
    )


def test_a_whole_number_that_json_wrote_as_a_float_is_a_count():
    assert read({"prompt_tokens": 5.0, "completion_tokens": 0.0}) == Usage(5, 0)


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"cached_tokens": 101}, Usage(100, 50, invalid=("cache_read_tokens",))),
        ({"cached_tokens": 100}, Usage(100, 50, cache_read_tokens=100)),
        (
            {"cached_tokens": 60, "cache_write_tokens": 41},
            Usage(100, 50, cache_read_tokens=60, invalid=("cache_write_tokens",)),
        ),
        (
            {"cached_tokens": 60, "cache_write_tokens": 30, "audio_tokens": 11},
            Usage(100, 50, cache_read_tokens=60, cache_write_tokens=30, invalid=("input_audio_tokens",)),
        ),
        (
            {"cached_tokens": 101, "cache_write_tokens": -1, "audio_tokens": 100},
            Usage(100, 50, input_audio_tokens=100, invalid=("cache_read_tokens", "cache_write_tokens")),
        ),
    ],
)
def test_parts_of_the_input_never_exceed_it(details, kept):
    assert read({"prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": details}) == kept


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"reasoning_tokens": 51}, Usage(100, 50, invalid=("reasoning_tokens",))),
        (
            {"reasoning_tokens": 30, "audio_tokens": 21},
            Usage(100, 50, reasoning_tokens=30, invalid=("output_audio_tokens",)),
        ),
    ],
)
def test_parts_of_the_output_never_exceed_it(details, kept):
    report = {"prompt_tokens": 100, "completion_tokens": 50, "completion_tokens_details": details}
    assert read(report) == kept


def test_a_mocked_client_reports_nothing_that_counts():
    assert read(MagicMock()) == Usage(
        invalid=(
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "input_audio_tokens",
            "reasoning_tokens",
            "output_audio_tokens",
        )
    )


@given(data=st.data())
def test_a_consistent_report_is_read_as_it_is(data):
    count = st.integers(0, 10**9)
    cached, written, audio, text = (data.draw(count) for _ in range(4))
    reasoning, spoken, said = (data.draw(count) for _ in range(3))
    inputs, outputs = cached + written + audio + text, reasoning + spoken + said
    report = {
        "prompt_tokens": inputs,
        "completion_tokens": outputs,
        "prompt_tokens_details": {
            "cached_tokens": cached,
            "cache_write_tokens": written,
            "audio_tokens": audio,
        },
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken},
    }
    assert read(report) == Usage(inputs, outputs, cached, written, audio, reasoning, spoken)
