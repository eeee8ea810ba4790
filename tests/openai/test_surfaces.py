"""Every method that is recorded: its span's facts, and that the client gives what the bare one gives."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from openai import OpenAI

from infraprism import pricing
from infraprism.openai.surfaces import SURFACES
from tests.support.calls import SECONDS, Recording, Wire, adrain, drain, sse
from tests.support.differential import check
from tests.support.versions import http, needs

TOKENS = {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}
IMAGE_TOKENS = {
    **TOKENS,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 100},
}
IMAGES: Any = {"created": 1, "data": [{"b64_json": "aGk="}, {"b64_json": "aGk="}], "usage": IMAGE_TOKENS}
IMAGE_EVENTS = (
    {"type": "image_generation.partial_image", "b64_json": "aGk=", "partial_image_index": 0},
    {"type": "image_generation.completed", "b64_json": "aGk=", "created_at": 1, "usage": IMAGE_TOKENS},
)
TRANSCRIPT: Any = {
    "text": "Hello",
    "usage": {**TOKENS, "type": "tokens", "input_token_details": {"audio_tokens": 8, "text_tokens": 2}},
}
TRANSCRIPT_EVENTS = (
    {"type": "transcript.text.delta", "delta": "Hel"},
    {"type": "transcript.text.done", "text": "Hello", "usage": TRANSCRIPT["usage"]},
)
COMPLETION: Any = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110},
}
MODERATION: Any = {"id": "modr-1", "model": "omni-moderation-latest", "results": []}
DECIDED = {"input_tokens": 10, "output_tokens": 0, "total_tokens": 10}
DECISION: Any = {"id": "dec-1", "object": "decision", "model": "gpt-6-luna", "answers": [], "usage": DECIDED}
COMPACTED: Any = {
    "id": "cmp-1",
    "object": "response.compaction",
    "created_at": 1,
    "output": [],
    "usage": TOKENS,
}
VIDEO: Any = {"id": "video-1", "object": "video", "model": "sora-2", "seconds": "8", "status": "queued"}
SOUND = b"ID3\x03\x00\xff\xfb"


def sound() -> Any:
    return ("a.wav", io.BytesIO(b"RIFF"), "audio/wav")


def to_json(body: Any) -> Wire:
    return Wire(json.dumps(body))


def to_events(*events: Any) -> Wire:
    return Wire(sse(*events), content_type="text/event-stream")


def priced(amount: str, quantities: str, **parts: str) -> dict[str, Any]:
    return {
        "infraprism.cost.status": "priced",
        "infraprism.cost.amount": amount,
        "gen_ai.usage.cost": float(amount),
        "infraprism.cost.currency": "USD",
        "infraprism.cost.source": "local",
        "infraprism.cost.price_version": pricing.version(),
        "infraprism.cost.quantities": quantities,
        **{f"infraprism.cost.{name}": part for name, part in parts.items()},
    }


UNPRICED = {"infraprism.cost.status": "unpriced"}
USED = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 100}
DRAWN = {"infraprism.usage.input_image_tokens": 0, "infraprism.usage.output_image_tokens": 100}
HEARD = {"infraprism.usage.input_audio_tokens": 8}
STREAMED = {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": SECONDS}

#: What is called, what answers, and what the span says beside what every span says.
CALLS: dict[str, tuple[Callable[..., Any], Callable[[], Wire], dict[str, Any]]] = {
    "completions.create": (
        lambda c, **s: c.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello", **s),
        lambda: to_json(COMPLETION),
        {
            "gen_ai.operation.name": "text_completion",
            "gen_ai.request.model": "gpt-3.5-turbo-instruct",
            "gen_ai.response.model": "gpt-3.5-turbo-instruct",
            "gen_ai.response.id": "cmpl-1",
            "gen_ai.response.finish_reasons": ("stop",),
            **USED,
            # $1.50 and $2 a million.
            **priced("0.000215", "input=10 output=100", input="0.000015", output="0.0002"),
        },
    ),
    "completions.create, streamed": (
        lambda c, **s: c.completions.create(
            model="gpt-3.5-turbo-instruct",
            prompt="Hello",
            stream=True,
            stream_options={"include_usage": True},
            **s,
        ),
        lambda: to_events({**COMPLETION, "usage": None}, {**COMPLETION, "choices": []}, "[DONE]"),
        {
            "gen_ai.operation.name": "text_completion",
            "gen_ai.request.model": "gpt-3.5-turbo-instruct",
            "gen_ai.response.model": "gpt-3.5-turbo-instruct",
            "gen_ai.response.id": "cmpl-1",
            "gen_ai.response.finish_reasons": ("stop",),
            **STREAMED,
            **USED,
            **priced("0.000215", "input=10 output=100", input="0.000015", output="0.0002"),
        },
    ),
    "images.generate": (
        lambda c, **s: c.images.generate(model="gpt-image-1", prompt="A cat", n=2, **s),
        lambda: to_json(IMAGES),
        {
            "gen_ai.operation.name": "image_generation",
            "gen_ai.request.model": "gpt-image-1",
            "gen_ai.request.choice.count": 2,
            **USED,
            **DRAWN,
            # $5 and $40 a million.
            **priced("0.00405", "input=10 output=100", input="0.00005", output="0.004"),
        },
    ),
    "images.generate, streamed": (
        lambda c, **s: c.images.generate(model="gpt-image-1", prompt="A cat", stream=True, **s),
        lambda: to_events(*IMAGE_EVENTS),
        {
            "gen_ai.operation.name": "image_generation",
            "gen_ai.request.model": "gpt-image-1",
            **STREAMED,
            **USED,
            **DRAWN,
            **priced("0.00405", "input=10 output=100", input="0.00005", output="0.004"),
        },
    ),
    "images.edit": (
        lambda c, **s: c.images.edit(model="gpt-image-1", image=b"png", prompt="A cat", **s),
        lambda: to_json(IMAGES),
        {
            "gen_ai.operation.name": "image_generation",
            "gen_ai.request.model": "gpt-image-1",
            **USED,
            **DRAWN,
            **priced("0.00405", "input=10 output=100", input="0.00005", output="0.004"),
        },
    ),
    "images.create_variation": (
        lambda c, **s: c.images.create_variation(model="dall-e-2", image=b"png", **s),
        lambda: to_json({"created": 1, "data": [{"url": "https://images.example/1"}]}),
        {
            "gen_ai.operation.name": "image_generation",
            "gen_ai.request.model": "dall-e-2",
            "infraprism.usage.images": 1,
            **UNPRICED,
        },
    ),
    "audio.speech.create": (
        lambda c, **s: c.audio.speech.create(model="tts-1", voice="alloy", input="Hello there", **s),
        lambda: Wire(SOUND, content_type="audio/mpeg"),
        {
            "gen_ai.operation.name": "speech",
            "gen_ai.request.model": "tts-1",
            "infraprism.usage.input_characters": 11,
            # At $15 a million.
            **priced("0.000165", "input_characters=11", input_characters="0.000165"),
        },
    ),
    "audio.transcriptions.create": (
        lambda c, **s: c.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound(), **s),
        lambda: to_json(TRANSCRIPT),
        {
            "gen_ai.operation.name": "transcription",
            "gen_ai.request.model": "gpt-4o-transcribe",
            **USED,
            **HEARD,
            # Text at $2.50, audio at $6, output at $10 a million.
            **priced(
                "0.001053",
                "input_audio=8 input=2 output=100",
                input="0.000005",
                input_audio="0.000048",
                output="0.001",
            ),
        },
    ),
    "audio.transcriptions.create, streamed": (
        lambda c, **s: c.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=sound(), stream=True, **s
        ),
        lambda: to_events(*TRANSCRIPT_EVENTS),
        {
            "gen_ai.operation.name": "transcription",
            "gen_ai.request.model": "gpt-4o-transcribe",
            **STREAMED,
            **USED,
            **HEARD,
            **priced(
                "0.001053",
                "input_audio=8 input=2 output=100",
                input="0.000005",
                input_audio="0.000048",
                output="0.001",
            ),
        },
    ),
    "audio.transcriptions.create, by the minute": (
        lambda c, **s: c.audio.transcriptions.create(model="whisper-1", file=sound(), **s),
        lambda: to_json({"text": "Hello", "usage": {"type": "duration", "seconds": 30}}),
        {
            "gen_ai.operation.name": "transcription",
            "gen_ai.request.model": "whisper-1",
            "infraprism.usage.audio_seconds": 30,
            # $0.006 a minute.
            **priced("0.003", "audio_seconds=30", audio_seconds="0.003"),
        },
    ),
    "audio.transcriptions.create, as text": (
        lambda c, **s: c.audio.transcriptions.create(
            model="whisper-1", file=sound(), response_format="text", **s
        ),
        lambda: Wire("Hello", content_type="text/plain"),
        {"gen_ai.operation.name": "transcription", "gen_ai.request.model": "whisper-1", **UNPRICED},
    ),
    "audio.translations.create": (
        lambda c, **s: c.audio.translations.create(
            model="whisper-1", file=sound(), response_format="verbose_json", **s
        ),
        lambda: to_json({"text": "Hello", "language": "english", "duration": 30.0}),
        {
            "gen_ai.operation.name": "translation",
            "gen_ai.request.model": "whisper-1",
            "infraprism.usage.audio_seconds": 30,
            **priced("0.003", "audio_seconds=30", audio_seconds="0.003"),
        },
    ),
    "moderations.create": (
        lambda c, **s: c.moderations.create(input="Hello", **s),
        lambda: to_json(MODERATION),
        {
            "gen_ai.operation.name": "moderation",
            "gen_ai.response.model": "omni-moderation-latest",
            "gen_ai.response.id": "modr-1",
            "infraprism.cost.status": "free",
            "infraprism.cost.amount": "0",
            "gen_ai.usage.cost": 0.0,
            "infraprism.cost.currency": "USD",
            "infraprism.cost.source": "local",
        },
    ),
    "decisions.create": (
        lambda c, **s: c.decisions.create(model="gpt-6-luna", input="Hello", questions=[], **s),
        lambda: to_json(DECISION),
        {
            "gen_ai.operation.name": "decision",
            "gen_ai.request.model": "gpt-6-luna",
            "gen_ai.response.model": "gpt-6-luna",
            "gen_ai.response.id": "dec-1",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 0,
            # $0.10 a million.
            **priced("0.000001", "input=10", input="0.000001"),
        },
    ),
    "responses.compact": (
        lambda c, **s: c.responses.compact(model="gpt-4o", input="Hello", **s),
        lambda: to_json(COMPACTED),
        {
            "gen_ai.operation.name": "compaction",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.id": "cmp-1",
            "openai.api.type": "responses",
            **USED,
            **priced("0.001025", "input=10 output=100", input="0.000025", output="0.001"),
        },
    ),
    "videos.create": (
        lambda c, **s: c.videos.create(model="sora-2", prompt="A cat", seconds="8", **s),
        lambda: to_json(VIDEO),
        {
            "gen_ai.operation.name": "video_generation",
            "gen_ai.request.model": "sora-2",
            "gen_ai.response.model": "sora-2",
            "gen_ai.response.id": "video-1",
            "gen_ai.response.finish_reasons": ("queued",),
            "infraprism.usage.video_seconds": 8,
            **UNPRICED,
        },
    ),
    "videos.remix": (
        lambda c, **s: c.videos.remix("video-0", prompt="A dog", **s),
        lambda: to_json({**VIDEO, "status": "failed", "error": {"code": "moderation", "message": "no"}}),
        {
            "gen_ai.operation.name": "video_generation",
            "gen_ai.response.model": "sora-2",
            "gen_ai.response.id": "video-1",
            "gen_ai.response.finish_reasons": ("failed",),
            "infraprism.usage.video_seconds": 8,
            "error.type": "moderation",
            **UNPRICED,
        },
    ),
}
calls = pytest.mark.parametrize(
    ("call", "make_wire", "attributes"),
    [
        pytest.param(*row, id=name, marks=needs(method, *["stream"] * (how == "streamed")))
        for name, row in CALLS.items()
        for method, _, how in [name.partition(", ")]
    ],
)
SERVER = {
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "server.port": 443,
    "http.response.header.x-request-id": ("req_1",),
}


@calls
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_call_is_a_span(
    recording: Recording, call: Callable[..., Any], make_wire: Callable[[], Wire], attributes: dict[str, Any]
) -> None:
    drain(call(make_wire().client()))
    await adrain(call(make_wire().async_client()))
    one, other = recording.spans
    assert one["attributes"] == {**SERVER, **attributes}
    assert other["attributes"] == {**SERVER, **attributes}
    model = attributes.get("gen_ai.request.model")
    operation = attributes["gen_ai.operation.name"]
    assert one["name"] == other["name"] == (f"{operation} {model}" if model else operation)


@calls
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_call_sends_and_returns_what_the_bare_clients_does(
    call: Callable[..., Any], make_wire: Callable[[], Wire], attributes: dict[str, Any]
) -> None:
    await check(call, make_wire)


def test_a_moderation_of_another_server_is_not_known_to_be_free(recording: Recording) -> None:
    drain(to_json(MODERATION).client(base_url="https://gateway.example/v1").moderations.create(input="Hello"))
    assert recording.attributes["infraprism.cost.status"] == "unpriced"


def test_what_a_gateway_says_a_call_cost_is_its_cost(recording: Recording) -> None:
    def answer(request: http.Request) -> http.Response:
        return http.Response(200, json=COMPLETION, headers={"x-litellm-response-cost": "0.0123"})

    http_client = http.Client(transport=http.MockTransport(answer))
    client = OpenAI(api_key="k", base_url="http://litellm:4000", http_client=http_client)
    client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello")
    found = recording.attributes
    assert {name: found[name] for name in found if name.startswith("infraprism.cost.")} == {
        "infraprism.cost.status": "priced",
        "infraprism.cost.amount": "0.0123",
        "infraprism.cost.reported": "0.0123",
        "infraprism.cost.currency": "USD",
        "infraprism.cost.source": "provider",
        "infraprism.cost.quantities": "reported=1",
    }


@pytest.mark.parametrize("said", ["1e400", "nan", "-1", "a dime", "0"])
def test_what_is_no_cost_is_not_taken_for_one(recording: Recording, said: str) -> None:
    def answer(request: http.Request) -> http.Response:
        return http.Response(200, json=COMPLETION, headers={"x-litellm-response-cost": said})

    http_client = http.Client(transport=http.MockTransport(answer))
    client = OpenAI(api_key="k", base_url="http://litellm:4000", http_client=http_client)
    client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello")
    assert recording.attributes["infraprism.cost.source"] == "local"


TOOLS = [
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    },
    {
        "type": "web_search_call",
        "id": "ws_2",
        "status": "completed",
        "action": {"type": "open_page", "url": "u"},
    },
    {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": []},
]
RESPONSE: Any = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o-2024-08-06",
    "output": TOOLS,
    "usage": TOKENS,
}


def test_built_in_tools_are_parts_of_the_cost(recording: Recording) -> None:
    to_json(RESPONSE).client().responses.create(model="gpt-4o", input="Hello")
    found = recording.attributes
    parts = {name: found[name] for name in found if name.startswith("infraprism.cost.")}
    assert parts.items() >= {"infraprism.cost.status": "priced"}.items()
    assert float(found["infraprism.cost.web_searches"]) > 0
    assert float(found["infraprism.cost.file_searches"]) > 0
    assert found["infraprism.cost.quantities"] == "input=10 output=100 web_searches=1 file_searches=1"
    assert {name: found[name] for name in found if name.startswith("infraprism.usage.")} == {
        "infraprism.usage.web_searches": 1,
        "infraprism.usage.file_searches": 1,
    }


@pytest.mark.parametrize(
    ("tool", "status"),
    [
        ("web_search", "priced"),
        ("web_search_preview", "partial"),
        ("web_search_preview_2025_03_11", "partial"),
    ],
)
def test_a_search_by_the_preview_costs_at_least_what_the_list_says(
    recording: Recording, tool: str, status: str
) -> None:
    to_json({**RESPONSE, "tools": [{"type": tool}]}).client().responses.create(model="gpt-4o", input="Hello")
    to_json(RESPONSE).client().responses.create(model="gpt-4o", input="Hello")
    found, plain = (span["attributes"] for span in recording.spans)
    assert found["infraprism.cost.status"] == status
    assert found["infraprism.cost.amount"] == plain["infraprism.cost.amount"]


def test_a_preview_that_was_not_used_costs_nothing(recording: Recording) -> None:
    unused = {**RESPONSE, "tools": [{"type": "web_search_preview"}], "output": []}
    to_json(unused).client().responses.create(model="gpt-4o", input="Hello")
    assert recording.attributes["infraprism.cost.status"] == "priced"


def test_a_stream_that_tells_of_a_tool_in_several_events_used_it_once(recording: Recording) -> None:
    to_json(RESPONSE).client().responses.create(model="gpt-4o", input="Hello")
    events = [
        {"type": f"response.{state}", "sequence_number": number, "response": RESPONSE}
        for number, state in enumerate(("in_progress", "completed"))
    ]
    drain(to_events(*events).client().responses.create(model="gpt-4o", input="Hello", stream=True))
    whole, streamed = (span["attributes"]["infraprism.cost.amount"] for span in recording.spans)
    assert whole == streamed


def test_a_chunk_that_says_less_takes_nothing_back(recording: Recording) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    chunks = [
        {
            "model": "gpt-4o",
            "system_fingerprint": "fp_1",
            "choices": [{"index": 0, "delta": {"content": "Hi"}}],
        },
        {"choices": [], "usage": usage},
    ]
    options = {"include_usage": True}
    client = to_events(*chunks).client()
    drain(client.chat.completions.create(model="best", messages=[], stream=True, stream_options=options))
    assert recording.attributes["gen_ai.response.model"] == "gpt-4o"
    assert recording.attributes["openai.response.system_fingerprint"] == "fp_1"
    assert recording.attributes["infraprism.cost.amount"] == "0.0075"


def test_a_stream_of_groqs_has_its_usage_beside(recording: Recording) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": usage}}
    chunks = [{"model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}, last]
    drain(to_events(*chunks).client().chat.completions.create(model="gpt-4o", messages=[], stream=True))
    assert recording.attributes["infraprism.cost.status"] == "priced"
    assert recording.attributes["infraprism.cost.quantities"] == "input=1000 output=500"


def test_a_tool_whose_price_is_not_said_makes_the_amount_a_floor(recording: Recording) -> None:
    tool = {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "status": "completed",
        "code": "",
        "container_id": "c",
    }
    to_json({**RESPONSE, "output": [tool]}).client().responses.create(model="gpt-4o", input="Hello")
    assert recording.attributes["infraprism.cost.status"] == "partial"
    assert recording.attributes["infraprism.usage.unpriced"] == ("code_interpreter_call",)


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "gpt-4o-search-preview"},
        {"model": "gpt-5-search-api"},
        {"model": "gpt-4o", "web_search_options": {}},
    ],
)
def test_a_search_that_a_completion_does_not_tell_of_makes_the_amount_a_floor(
    recording: Recording, asked: Any
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
    answer = {"id": "chatcmpl-1", "model": asked["model"], "choices": [], "usage": usage}
    to_json(answer).client().chat.completions.create(messages=[], **asked)
    assert recording.attributes["infraprism.cost.status"] == "partial"


@pytest.mark.parametrize("length", [-1, "1e400", "nan", "soon", True, [], 10**400])
def test_a_length_that_cannot_be_is_dropped_and_counted(recording: Recording, length: Any) -> None:
    client = to_json({"text": "Hello", "duration": length}).client()
    client.audio.translations.create(model="whisper-1", file=sound())
    assert recording.attributes["infraprism.cost.status"] == "unpriced"
    assert "infraprism.usage.audio_seconds" not in recording.attributes
    assert recording.attributes["infraprism.usage.invalid"] == ("audio_seconds",)
    assert recording.metrics()["infraprism.dropped"] == [({"reason": "invalid_usage"}, 1)]


@pytest.mark.parametrize(("length", "said"), [("8", 8), (8.5, "8.5"), ("1e-30", 0), (0, 0)])
def test_a_length_is_a_whole_number_or_a_decimal_text(recording: Recording, length: Any, said: Any) -> None:
    client = to_json({"text": "Hello", "duration": length}).client()
    client.audio.translations.create(model="whisper-1", file=sound())
    assert recording.attributes["infraprism.usage.audio_seconds"] == said
    assert recording.attributes["infraprism.cost.quantities"] == f"audio_seconds={said}"


def test_every_surface_has_a_call_here() -> None:
    elsewhere = {
        f"{resource}.{method}" for resource in ("completions", "responses") for method in ("create", "parse")
    }
    elsewhere |= {"embeddings.create", "videos.edit", "videos.extend"}
    rows = {f"{row.resource.lower()}.{row.method}" for row in SURFACES}
    assert rows - {name.partition(",")[0].removeprefix("audio.") for name in CALLS} <= elsewhere
