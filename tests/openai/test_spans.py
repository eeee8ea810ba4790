"""The span of a call, whole: every surface, sync and async."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from simulated_openai import SimulatedOpenAI

from infraprism import pricing
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import SCOPE, SECONDS, Recording, Wire, adrain, drain
from tests.support.versions import chat_helpers, needs

Client = OpenAI | AsyncOpenAI

QUESTION = "Give me an example."
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
USAGE_WANTED: Any = {"include_usage": True}
#: The session arguments of every call here, and what they become.
WHO: Any = {
    "session_id": "conv-123",
    "entity_type": "user",
    "entity_id": 42,
    "tags": {"feature": "chatbot"},
}
WHOSE = {
    "session.id": "conv-123",
    "gen_ai.conversation.id": "conv-123",
    "infraprism.entity.type": "user",
    "infraprism.entity.id": "42",
    "user.id": "42",
    "infraprism.tag.feature": "chatbot",
}
SESSION_TRACE = trace_id_of(Identity("conv-123", "user", "42"))


class City(BaseModel):
    city: str


class NewModel(enum.StrEnum):
    SMALL = "gpt-4o-mini"


class OldModel(str, enum.Enum):  # noqa: UP042 - as hosts still write it
    SMALL = "gpt-4o-mini"


#: 12 tokens at $0.15 and 38 at $0.60 a million.
ANSWERED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "openai.response.service_tier": "default",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 38,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.reasoning.output_tokens": 0,
    "infraprism.cost.status": "priced",
    "infraprism.cost.amount": "0.0000246",
    "gen_ai.usage.cost": 0.0000246,
    "infraprism.cost.currency": "USD",
    "infraprism.cost.source": "local",
    "infraprism.cost.price_version": pricing.version(),
    "infraprism.cost.input": "0.0000018",
    "infraprism.cost.output": "0.0000228",
    "infraprism.cost.quantities": "input=12 output=38",
    "infraprism.session.cost": "0.0000246",
    "infraprism.session.turns": 1,
}
#: The answer that fits the schema is 8 tokens long.
PARSED = {
    "gen_ai.usage.output_tokens": 8,
    "infraprism.cost.amount": "0.0000066",
    "gen_ai.usage.cost": 0.0000066,
    "infraprism.cost.output": "0.0000048",
    "infraprism.cost.quantities": "input=12 output=8",
    "infraprism.session.cost": "0.0000066",
}
CHAT = {
    **ANSWERED,
    "openai.api.type": "chat_completions",
    "infraprism.usage.input_audio_tokens": 0,
    "infraprism.usage.output_audio_tokens": 0,
    "gen_ai.response.id": "chatcmpl-sim-0-000001",
    "openai.response.system_fingerprint": "fp_simulated",
    "gen_ai.response.finish_reasons": ("stop",),
}
RESPONSE = {
    **ANSWERED,
    "openai.api.type": "responses",
    "gen_ai.response.id": "resp_sim-0-000001",
    "gen_ai.response.finish_reasons": ("completed",),
}
STREAMED = {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": SECONDS}
EMBEDDING = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.request.model": "text-embedding-3-small",
    "gen_ai.response.model": "text-embedding-3-small",
    "gen_ai.usage.input_tokens": 5,
    "infraprism.cost.status": "priced",
    "infraprism.cost.amount": "0.0000001",
    "gen_ai.usage.cost": 0.0000001,
    "infraprism.cost.currency": "USD",
    "infraprism.cost.source": "local",
    "infraprism.cost.price_version": pricing.version(),
    "infraprism.cost.input": "0.0000001",
    "infraprism.cost.quantities": "input=5",
    "infraprism.session.cost": "0.0000001",
    "infraprism.session.turns": 0,  # a call, but not a turn
}

SURFACES: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "chat create": (
        lambda client: client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **WHO),
        CHAT,
    ),
    "chat create, streamed": (
        lambda client: client.chat.completions.create(
            model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options=USAGE_WANTED, **WHO
        ),
        {**CHAT, **STREAMED},
    ),
    "chat parse": (
        lambda client: chat_helpers(client).parse(
            model="gpt-4o-mini", messages=MESSAGES, response_format=City, **WHO
        ),
        {**CHAT, **PARSED},
    ),
    "chat stream": (
        lambda client: chat_helpers(client).stream(
            model="gpt-4o-mini", messages=MESSAGES, stream_options=USAGE_WANTED, **WHO
        ),
        {**CHAT, **STREAMED},
    ),
    "responses create": (
        lambda client: client.responses.create(model="gpt-4o-mini", input=QUESTION, **WHO),
        RESPONSE,
    ),
    "responses create, streamed": (
        lambda client: client.responses.create(model="gpt-4o-mini", input=QUESTION, stream=True, **WHO),
        {**RESPONSE, **STREAMED},
    ),
    "responses parse": (
        lambda client: client.responses.parse(model="gpt-4o-mini", input=QUESTION, text_format=City, **WHO),
        {**RESPONSE, **PARSED},
    ),
    "responses stream": (
        lambda client: client.responses.stream(model="gpt-4o-mini", input=QUESTION, **WHO),
        {**RESPONSE, **STREAMED},
    ),
    "embeddings create": (
        lambda client: client.embeddings.create(model="text-embedding-3-small", input=QUESTION, **WHO),
        EMBEDDING,
    ),
}
surfaces = pytest.mark.parametrize(("call", "attributes"), SURFACES.values(), ids=SURFACES.keys())


def span_of(api: SimulatedOpenAI, attributes: dict[str, Any], **others: Any) -> dict[str, Any]:
    """The span of a call of the session, with these attributes beside those that every call has."""
    tokens = attributes["gen_ai.usage.input_tokens"] + attributes.get("gen_ai.usage.output_tokens", 0)
    server = {
        "gen_ai.provider.name": "127.0.0.1",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(api.base_url).port,
        "http.response.header.x-request-id": ("req_sim-000001",),
        "http.response.header.x-ratelimit-remaining-requests": ("9999",),
        "http.response.header.x-ratelimit-remaining-tokens": (str(200_000 - tokens),),
    }
    return {
        "name": f"{attributes['gen_ai.operation.name']} {attributes['gen_ai.request.model']}",
        "kind": "CLIENT",
        "trace_id": SESSION_TRACE,
        "span_id": 1,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None),
        "attributes": {**WHOSE, **server, **attributes},
        "events": [],
        "links": [],
        **others,
    }


@surfaces
def test_a_call_is_a_span(
    api: SimulatedOpenAI,
    client: OpenAI,
    recording: Recording,
    call: Callable[[Client], Any],
    attributes: dict[str, Any],
) -> None:
    assert drain(call(client))
    assert recording.span == span_of(api, attributes)


@surfaces
async def test_a_call_of_the_async_client_is_the_same_span(
    api: SimulatedOpenAI,
    async_client: AsyncOpenAI,
    recording: Recording,
    call: Callable[[Client], Any],
    attributes: dict[str, Any],
) -> None:
    assert await adrain(call(async_client))
    assert recording.span == span_of(api, attributes)


def test_the_parameters_of_a_chat_request_are_attributes(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording
) -> None:
    client.chat.completions.create(
        model="gpt-4o-mini",
        messages=MESSAGES,
        temperature=0.2,
        top_p=1,
        max_tokens=38,
        frequency_penalty=0.5,
        presence_penalty=-0.5,
        seed=7,
        n=1,
        stop=["END", "STOP"],
        service_tier="auto",
        **WHO,
    )
    asked = {
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.top_p": 1,
        "gen_ai.request.max_tokens": 38,
        "gen_ai.request.frequency_penalty": 0.5,
        "gen_ai.request.presence_penalty": -0.5,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END", "STOP"),
    }
    assert recording.span == span_of(api, {**CHAT, **asked})


def test_several_choices_have_several_reasons_to_end(client: OpenAI, recording: Recording) -> None:
    drain(client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, n=3, stream=True))
    assert recording.attributes["gen_ai.request.choice.count"] == 3
    assert recording.attributes["gen_ai.response.finish_reasons"] == ("stop", "stop", "stop")


def test_a_tier_without_a_known_price_is_never_priced_as_another(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording
) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, service_tier="flex", **WHO)
    unpriced = {
        name: value
        for name, value in CHAT.items()
        if not name.startswith("infraprism.cost.") and name != "gen_ai.usage.cost"
    }
    tier = {
        "openai.request.service_tier": "flex",
        "openai.response.service_tier": "flex",
        "infraprism.cost.status": "unpriced",
        "infraprism.session.cost": "0",
    }
    assert recording.span == span_of(api, {**unpriced, **tier})


def test_the_parameters_of_a_response_and_an_embedding_are_attributes(
    client: OpenAI, recording: Recording
) -> None:
    client.responses.create(
        model="gpt-4o-mini", input=QUESTION, temperature=0, top_p=0.9, max_output_tokens=500
    )
    first = recording.attributes["gen_ai.response.id"]
    client.responses.create(model="gpt-4o-mini", input=QUESTION, previous_response_id=first)
    assert recording.spans[1]["attributes"]["openai.request.previous_response_id"] == first
    client.embeddings.create(
        model="text-embedding-3-large", input=[QUESTION], dimensions=256, encoding_format="float"
    )
    response, embedding = ({**recording.spans[place]["attributes"]} for place in (0, -1))
    assert {name: value for name, value in response.items() if name.startswith("gen_ai.request")} == {
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 500,
    }
    assert embedding["gen_ai.embeddings.dimension.count"] == 256
    assert embedding["gen_ai.request.encoding_formats"] == ("float",)


@needs("responses.create", "conversation")
def test_the_conversation_of_a_response_is_an_attribute(client: OpenAI, recording: Recording) -> None:
    conversation: Any = {"id": "conv_1"}
    client.responses.create(model="gpt-4o-mini", input=QUESTION, conversation=conversation)
    assert recording.attributes["openai.request.conversation"] == "conv_1"


def test_cached_and_reasoning_tokens_are_parts_of_the_whole_and_priced_as_such(
    client: OpenAI, recording: Recording
) -> None:
    # 5,000 characters are 1,250 tokens; 4 for the message and 3 for the reply come on top.
    for _ in range(2):
        client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "abcde" * 1000}])
    first, second = (span["attributes"] for span in recording.spans)
    assert first["gen_ai.usage.cache_read.input_tokens"] == 0
    assert second["gen_ai.usage.input_tokens"] == 1257
    assert second["gen_ai.usage.cache_read.input_tokens"] == 1152
    assert 0 < second["gen_ai.usage.reasoning.output_tokens"] < second["gen_ai.usage.output_tokens"]
    # $1.25, $0.125 cached and $10 a million: 105 + 1,152 input tokens, reasoning inside the output.
    assert second["infraprism.cost.input"] == "0.00013125"
    assert second["infraprism.cost.cache_read"] == "0.000144"
    assert float(second["infraprism.cost.output"]) == second["gen_ai.usage.output_tokens"] / 100_000
    assert "infraprism.cost.reasoning" not in second


def test_a_reply_that_was_cut_says_so(client: OpenAI, recording: Recording) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, max_completion_tokens=3)
    client.responses.create(model="gpt-4o-mini", input=QUESTION, max_output_tokens=3)
    assert [span["attributes"]["gen_ai.response.finish_reasons"] for span in recording.spans] == [
        ("length",),
        ("max_output_tokens",),
    ]
    assert [span["status"] for span in recording.spans] == [("UNSET", None)] * 2


def test_a_call_without_a_session_has_none_and_says_nothing_of_one(
    client: OpenAI, recording: Recording
) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    attributes = recording.attributes
    assert attributes.keys() == CHAT.keys() - {"infraprism.session.cost", "infraprism.session.turns"} | {
        "gen_ai.provider.name",
        "server.address",
        "server.port",
        "http.response.header.x-request-id",
        "http.response.header.x-ratelimit-remaining-requests",
        "http.response.header.x-ratelimit-remaining-tokens",
    }
    assert attributes["infraprism.cost.amount"] == "0.0000246"


def test_a_retried_request_is_one_call(api: SimulatedOpenAI, client: OpenAI, recording: Recording) -> None:
    patient = client.with_options(max_retries=2)
    patient.chat.completions.create(
        model="gpt-4o-mini",
        messages=MESSAGES,
        extra_headers={"x-simulate": "status=429;times=1"},
        **WHO,
    )
    assert len(api.bill()) == 1
    again = {"http.request.resend_count": 1, "http.response.header.x-request-id": ("req_sim-000002",)}
    assert recording.span == span_of(api, {**CHAT, **again})


def test_a_session_adds_up(client: OpenAI, recording: Recording) -> None:
    for _ in range(3):
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **WHO)
    client.embeddings.create(model="text-embedding-3-small", input=QUESTION, **WHO)
    totals = ("infraprism.session.cost", "infraprism.session.turns")
    assert [tuple(span["attributes"][name] for name in totals) for span in recording.spans] == [
        ("0.0000246", 1),
        ("0.0000492", 2),
        ("0.0000738", 3),
        ("0.0000739", 3),
    ]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (OldModel.SMALL, "chat gpt-4o-mini"),
        (NewModel.SMALL, "chat gpt-4o-mini"),
        ("", "chat"),
        (None, "chat"),
        (5, "chat"),
    ],
)
def test_a_model_is_named_where_it_has_a_name(recording: Recording, model: Any, name: str) -> None:
    wire = Wire('{"choices": []}')
    wire.client().chat.completions.create(model=model, messages=MESSAGES)
    assert recording.span["name"] == name
    expected = {"gen_ai.request.model": "gpt-4o-mini"} if name != "chat" else {}
    found = {key: value for key, value in recording.attributes.items() if key == "gen_ai.request.model"}
    assert found == expected


def test_choices_without_an_index_are_told_apart_by_their_place(recording: Recording) -> None:
    choices = [{"finish_reason": "stop"}, {"finish_reason": "length", "index": None}]
    wire = Wire(json.dumps({"choices": choices}))
    wire.client().chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    assert recording.attributes["gen_ai.response.finish_reasons"] == ("stop", "length")


@needs("responses.create", "service_tier")
def test_a_request_with_a_lone_surrogate_can_be_exported(recording: Recording) -> None:
    with pytest.raises(UnicodeEncodeError):
        Wire("{}").client().chat.completions.create(
            model="gpt-\ud800", messages=MESSAGES, stop=["\ud800", "é"]
        )
    with pytest.raises(UnicodeEncodeError):
        Wire("{}").client().responses.create(
            model="gpt-4o", input="", previous_response_id="\ud800", service_tier="\ud800"
        )
    chat, response = recording.spans
    assert chat["name"] == "chat gpt-?"
    assert chat["attributes"]["gen_ai.request.model"] == "gpt-?"
    assert chat["attributes"]["gen_ai.request.stop_sequences"] == ("?", "é")
    assert response["attributes"]["openai.request.previous_response_id"] == "?"
    assert response["attributes"]["openai.request.service_tier"] == "?"
