"""Usage as the API reports it, and what becomes of reports that cannot be."""

from decimal import Decimal
from fractions import Fraction
from http import HTTPStatus
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage, ImagesResponse
from openai.types.audio import Transcription
from openai.types.create_embedding_response import Usage as EmbeddingUsage
from openai.types.responses import ResponseUsage

from infraprism.pricing import Usage, read
from tests.support.versions import from_client

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


IMAGES = {
    "input_tokens": 1050,
    "input_tokens_details": {"image_tokens": 1000, "text_tokens": 50},
    "output_tokens": 4200,
    "total_tokens": 5250,
}
REALTIME = {
    "total_tokens": 1500,
    "input_tokens": 1000,
    "output_tokens": 500,
    "input_token_details": {
        "text_tokens": 300,
        "audio_tokens": 600,
        "image_tokens": 100,
        "cached_tokens": 700,
        "cached_tokens_details": {"text_tokens": 250, "audio_tokens": 400, "image_tokens": 50},
    },
    "output_token_details": {"text_tokens": 100, "audio_tokens": 400},
}
SPOKEN = {
    "type": "tokens",
    "input_tokens": 1000,
    "output_tokens": 200,
    "total_tokens": 1200,
    "input_token_details": {"audio_tokens": 950, "text_tokens": 50},
}


def images(usage):
    return ImagesResponse.model_validate({"created": 0, "data": [], "usage": usage}).usage


def image_event(usage):
    return from_client("openai.types.ImageGenCompletedEvent").model_construct(usage=usage).usage


def transcription(usage):
    return Transcription.model_validate({"text": "", "usage": usage}).usage


def transcription_event(usage):
    kind = from_client("openai.types.audio.TranscriptionTextDoneEvent")
    return kind.model_validate({"text": "", "type": "transcript.text.done", "usage": usage}).usage


def realtime(usage):
    return from_client("openai.types.realtime.RealtimeResponseUsage").model_validate(usage)


@pytest.mark.parametrize("form", [dict, as_object, images, image_event])
def test_images_that_do_not_say_what_their_output_is_are_all_image(form):
    assert read(form(IMAGES)) == Usage(1050, 4200, input_image_tokens=1000, output_image_tokens=4200)


@pytest.mark.parametrize("form", [dict, as_object, images])
def test_images_with_text(form):
    report = {**IMAGES, "output_tokens_details": {"image_tokens": 4160, "text_tokens": 40}}
    assert read(form(report)) == Usage(1050, 4200, input_image_tokens=1000, output_image_tokens=4160)


@pytest.mark.parametrize("form", [dict, as_object, realtime])
def test_a_realtime_response(form):
    assert read(form(REALTIME)) == Usage(
        1000,
        500,
        cache_read_tokens=700,
        input_audio_tokens=600,
        output_audio_tokens=400,
        input_image_tokens=100,
        cache_read_audio_tokens=400,
        cache_read_image_tokens=50,
    )


@pytest.mark.parametrize("form", [dict, as_object, transcription, transcription_event])
def test_a_transcription_billed_by_tokens(form):
    assert read(form(SPOKEN)) == Usage(1000, 200, input_audio_tokens=950)


@pytest.mark.parametrize("form", [dict, as_object, transcription])
@pytest.mark.parametrize(
    ("seconds", "length"),
    [(60, 60), (60.0, 60), (3.4, Decimal("3.4")), (0.1 + 0.2, Decimal("0.30000000000000004")), (0, 0)],
)
def test_a_transcription_billed_by_duration(form, seconds, length):
    usage = read(form({"type": "duration", "seconds": seconds}))
    assert usage == Usage(audio_seconds=length)
    assert type(usage.audio_seconds) is type(length)


@pytest.mark.parametrize(
    "impossible", [-1, -0.5, True, float("nan"), float("inf"), 1e300, 2**63, "60", [60]], ids=repr
)
def test_a_duration_that_cannot_be_is_dropped_and_named(impossible):
    assert read({"type": "duration", "seconds": impossible}) == Usage(invalid=("audio_seconds",))


def test_seconds_beside_tokens_are_no_second_measure_of_the_same():
    assert read({**SPOKEN, "seconds": 60}) == read(SPOKEN)


@pytest.mark.parametrize("kind", ["openai.types.BatchUsage", "openai.types.decision.Usage"])
def test_what_is_shaped_like_a_response(kind):
    assert read(from_client(kind).model_validate(RESPONSE)) == read(ResponseUsage.model_validate(RESPONSE))


@pytest.mark.parametrize("form", [dict, as_object, CompletionUsage.model_validate])
@pytest.mark.parametrize(
    ("report", "usage"),
    [
        pytest.param(
            {
                "prompt_tokens": 1000,
                "completion_tokens": 500,
                "total_tokens": 1500,
                "prompt_cache_hit_tokens": 640,
                "prompt_cache_miss_tokens": 360,
            },
            Usage(1000, 500, 640),
            id="deepseek",
        ),
        pytest.param(
            {
                "prompt_tokens": 1000,
                "completion_tokens": 500,
                "total_tokens": 1500,
                "prompt_cache_hit_tokens": 640,
                "prompt_tokens_details": {"cached_tokens": 640},
                "completion_tokens_details": {"reasoning_tokens": 300},
            },
            Usage(1000, 500, 640, reasoning_tokens=300),
            id="deepseek, twice",
        ),
        pytest.param(
            {
                "queue_time": 0.05,
                "prompt_tokens": 1000,
                "prompt_time": 0.01,
                "completion_tokens": 500,
                "completion_time": 0.4,
                "total_tokens": 1500,
                "total_time": 0.41,
            },
            Usage(1000, 500),
            id="groq",
        ),
        pytest.param(
            {
                "prompt_tokens": 1000,
                "total_tokens": 1500,
                "completion_tokens": 500,
                "prompt_tokens_details": None,
            },
            Usage(1000, 500),
            id="vllm",
        ),
        pytest.param(
            {
                "completion_tokens": 500,
                "prompt_tokens": 1000,
                "total_tokens": 1500,
                "prompt_tokens_details": {"cached_tokens": 999},
            },
            Usage(1000, 500, 999),
            id="llama.cpp",
        ),
        pytest.param(
            {**CHAT, "cost": 0.00014, "is_byok": False, "cost_details": {"upstream_inference_cost": None}},
            Usage(1000, 500, 600, 50, 100, 300, 20, reported_cost=Decimal("0.00014")),
            id="openrouter",
        ),
        pytest.param(
            {
                **CHAT,
                "cost": 0.00014,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.0028},
            },
            Usage(1000, 500, 600, 50, 100, 300, 20, reported_cost=Decimal("0.00294")),
            id="openrouter, with a key of one's own",
        ),
        pytest.param(
            {**CHAT, "cost": 0.00014, "is_byok": True},
            Usage(1000, 500, 600, 50, 100, 300, 20),
            id="openrouter, only its fee",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "cost": {"input_tokens_cost": 0.0, "request_cost": 0.005, "total_cost": 0.005015},
            },
            Usage(10, 5, reported_cost=Decimal("0.005015")),
            id="perplexity",
        ),
        pytest.param({**CHAT, "cost": {"of": "what"}}, read(CHAT), id="no cost that is known"),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 35,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(10, 25, reasoning_tokens=20),
            id="xai, whose reasoning only the total counts",
        ),
        pytest.param(
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 9999},
            Usage(10, 5, invalid=("total_tokens",), unpriced=("unexplained_tokens",)),
            id="a total that nothing explains",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "cost_in_usd_ticks": 158_500,
            },
            Usage(10, 5, reported_cost=Decimal("0.00001585")),
            id="xai, with its cost",
        ),
        pytest.param(
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cached_tokens": 4},
            Usage(10, 5, 4),
            id="moonshot",
        ),
    ],
)
def test_an_imitator(form, report, usage):
    assert read(form(report)) == usage


@pytest.mark.parametrize(
    ("cost", "exact"),
    [
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-07, "1E-7"),
        (3, "3"),
        (0, "0"),
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (1.2345678901234567e-09, "1.234567890123457E-9"),  # rounded: there are no finer amounts
        (5e-324, "0E-24"),
    ],
)
def test_a_reported_cost_has_the_digits_that_it_was_written_with(cost, exact):
    found = read({"cost": cost}).reported_cost
    assert (str(found), found) == (exact, Decimal(exact))


@pytest.mark.parametrize(
    "impossible", [-0.01, True, float("nan"), float("inf"), 1e13, "0.01", {"total_cost": -1}], ids=repr
)
def test_a_cost_that_cannot_be_is_dropped_and_named(impossible):
    assert read({"prompt_tokens": 5, "cost": impossible}) == Usage(5, invalid=("reported_cost",))


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
    [
        *(-1, True, False, float("nan"), float("inf"), 1.5, "7", [7], {"value": 7}, 2**63, 10**100, 1e300),
        *(HTTPStatus.OK, Decimal(1), Fraction(1)),  # a number, but none that JSON has
    ],
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


def test_seconds_of_audio_beside_tokens_explain_a_total_above_their_sum():
    report = {"prompt_audio_seconds": 203, "prompt_tokens": 4, "total_tokens": 3264, "completion_tokens": 635}
    assert read(report) == Usage(4, 635, audio_seconds=203)
    assert read({**report, "prompt_audio_seconds": -1}) == Usage(
        4, 635, invalid=("audio_seconds", "total_tokens"), unpriced=("unexplained_tokens",)
    )


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


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        pytest.param(
            {"cached_tokens": 90, "audio_tokens": 50, "cached_tokens_details": {"audio_tokens": 40}},
            Usage(100, 50, 90, input_audio_tokens=50, cache_read_audio_tokens=40),
            id="all that is not cached is audio",
        ),
        pytest.param(
            {"cached_tokens": 90, "audio_tokens": 51, "cached_tokens_details": {"audio_tokens": 40}},
            Usage(100, 50, 90, invalid=("input_audio_tokens", "cache_read_audio_tokens")),
            id="more audio than is left",
        ),
        pytest.param(
            {"cached_tokens": 30, "audio_tokens": 50, "cached_tokens_details": {"audio_tokens": 31}},
            Usage(100, 50, 30, input_audio_tokens=50, invalid=("cache_read_audio_tokens",)),
            id="more cached audio than cached",
        ),
        pytest.param(
            {"cached_tokens": 30, "audio_tokens": 20, "cached_tokens_details": {"audio_tokens": 21}},
            Usage(100, 50, 30, input_audio_tokens=20, invalid=("cache_read_audio_tokens",)),
            id="more cached audio than audio",
        ),
        pytest.param(
            {
                "cached_tokens": 30,
                "audio_tokens": 60,
                "image_tokens": 20,
                "cached_tokens_details": {"audio_tokens": 20, "image_tokens": 11},
            },
            Usage(
                100,
                50,
                30,
                input_audio_tokens=60,
                input_image_tokens=20,
                cache_read_audio_tokens=20,
                invalid=("cache_read_image_tokens",),
            ),
            id="the cached kinds are more than what was cached",
        ),
        pytest.param(
            {"cached_tokens": 90, "audio_tokens": 11, "cached_tokens_details": {"audio_tokens": 0}},
            Usage(100, 50, 90, invalid=("input_audio_tokens",)),
            id="more audio than is left, none of it cached",
        ),
        pytest.param(
            {"audio_tokens": 60, "image_tokens": 41},
            Usage(100, 50, input_audio_tokens=60, invalid=("input_image_tokens",)),
            id="more image than is left beside the audio",
        ),
        pytest.param(
            {"cached_tokens": 60, "image_tokens": 41},
            Usage(100, 50, 60, invalid=("input_image_tokens",)),
            id="more image than is left",
        ),
    ],
)
def test_kinds_of_input_never_exceed_it(details, kept):
    assert read({"input_tokens": 100, "output_tokens": 50, "input_token_details": details}) == kept


def test_image_output_never_exceeds_the_output():
    details = {"reasoning_tokens": 20, "image_tokens": 31}
    report = {"prompt_tokens": 1, "completion_tokens": 50, "completion_tokens_details": details}
    assert read(report) == Usage(1, 50, reasoning_tokens=20, invalid=("output_image_tokens",))


def test_a_mocked_client_reports_nothing_that_counts():
    assert read(MagicMock()) == Usage(
        invalid=(
            "audio_seconds",
            "input_tokens",
            "output_tokens",
            "reported_cost",
            "cache_read_tokens",
            "cache_write_tokens",
            "input_audio_tokens",
            "cache_read_audio_tokens",
            "input_image_tokens",
            "cache_read_image_tokens",
            "reasoning_tokens",
            "output_audio_tokens",
            "output_image_tokens",
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


@given(data=st.data())
def test_a_consistent_realtime_report_is_read_as_it_is(data):
    count = st.integers(0, 10**9)
    text, audio, image, cached_text, cached_audio, cached_image, said, spoken = (
        data.draw(count) for _ in range(8)
    )
    cached = cached_text + cached_audio + cached_image
    inputs, outputs = text + audio + image + cached, said + spoken
    report = {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "input_token_details": {
            "text_tokens": text + cached_text,
            "audio_tokens": audio + cached_audio,
            "image_tokens": image + cached_image,
            "cached_tokens": cached,
            "cached_tokens_details": {
                "text_tokens": cached_text,
                "audio_tokens": cached_audio,
                "image_tokens": cached_image,
            },
        },
        "output_token_details": {"text_tokens": said, "audio_tokens": spoken},
    }
    assert read(report) == Usage(
        inputs,
        outputs,
        cached,
        input_audio_tokens=audio + cached_audio,
        output_audio_tokens=spoken,
        input_image_tokens=image + cached_image,
        cache_read_audio_tokens=cached_audio,
        cache_read_image_tokens=cached_image,
    )
