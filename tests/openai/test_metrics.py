"""The metrics of calls, with exactly these dimensions."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from openai import OpenAI
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from simulated_openai import SimulatedOpenAI

from tests.support.calls import API_KEY, SECONDS, Recording, Wire, drain, instrumented

MESSAGES: Any = [{"role": "user", "content": "Give me an example."}]
WHO: Any = {
    "session_id": "conv-123",
    "entity_type": "customer",
    "entity_id": "acme-corp",
    "tags": {"feature": "chatbot"},
}


def dimensions(api: SimulatedOpenAI, **others: str) -> dict[str, Any]:
    """What the conventions ask of a chat's measurements."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "127.0.0.1",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(api.base_url).port,
        **others,
    }


MONEY = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "127.0.0.1",
    "gen_ai.request.model": "gpt-4o-mini",
    "infraprism.cost.currency": "USD",
    "infraprism.cost.source": "local",
    "infraprism.entity.type": "customer",
}


def test_a_call_is_measured(api: SimulatedOpenAI, client: OpenAI, recording: Recording) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **WHO)
    assert recording.metrics() == {
        "gen_ai.client.operation.duration": [(dimensions(api), (1, SECONDS))],
        "gen_ai.client.token.usage": [
            (dimensions(api, **{"gen_ai.token.type": "input"}), (1, 12)),
            (dimensions(api, **{"gen_ai.token.type": "output"}), (1, 38)),
        ],
        "gen_ai.client.operation.cost": [(MONEY, (1, 0.0000246))],
    }


def test_a_stream_is_measured_to_its_first_chunk_too(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording
) -> None:
    stream_options: Any = {"include_usage": True}
    for _ in range(2):
        drain(
            client.chat.completions.create(
                model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options=stream_options, **WHO
            )
        )
    assert recording.metrics() == {
        "gen_ai.client.operation.duration": [(dimensions(api), (2, SECONDS))],
        "gen_ai.client.operation.time_to_first_chunk": [(dimensions(api), (2, SECONDS))],
        "gen_ai.client.token.usage": [
            (dimensions(api, **{"gen_ai.token.type": "input"}), (2, 24)),
            (dimensions(api, **{"gen_ai.token.type": "output"}), (2, 76)),
        ],
        "gen_ai.client.operation.cost": [(MONEY, (2, 0.0000492))],
    }


def test_an_embedding_has_no_output_to_measure(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording
) -> None:
    client.embeddings.create(model="text-embedding-3-small", input="Give me an example.")
    shared = {
        **dimensions(api),
        "gen_ai.operation.name": "embeddings",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.response.model": "text-embedding-3-small",
    }
    money = {
        name: value
        for name, value in {**MONEY, **shared}.items()
        if name in MONEY and name != "infraprism.entity.type"  # nobody's
    }
    assert recording.metrics() == {
        "gen_ai.client.operation.duration": [(shared, (1, SECONDS))],
        "gen_ai.client.token.usage": [({**shared, "gen_ai.token.type": "input"}, (1, 5))],
        "gen_ai.client.operation.cost": [(money, (1, 0.0000001))],
    }


def test_a_failed_call_is_measured_by_its_kind_of_error_and_costs_nothing(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording
) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="does-not-exist", messages=MESSAGES, **WHO)
    failed = dimensions(api, **{"gen_ai.request.model": "does-not-exist", "error.type": "NotFoundError"})
    del failed["gen_ai.response.model"]
    assert recording.metrics() == {"gen_ai.client.operation.duration": [(failed, (1, SECONDS))]}


def test_an_unpriced_call_has_no_cost_to_measure(client: OpenAI, recording: Recording) -> None:
    client.chat.completions.create(model="my-own-model", messages=MESSAGES, **WHO)
    assert recording.metrics().keys() == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}


def test_calls_that_no_span_is_kept_of_are_measured_and_added_up(api: SimulatedOpenAI) -> None:
    recording = Recording(sampler=ALWAYS_OFF)
    with instrumented(recording), OpenAI(base_url=api.base_url, api_key=API_KEY) as client:
        for _ in range(3):
            client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **WHO)
        assert recording.spans == []
        metrics = recording.metrics()
    assert metrics["gen_ai.client.operation.duration"] == [(dimensions(api), (3, SECONDS))]
    assert metrics["gen_ai.client.operation.cost"] == [(MONEY, (3, pytest.approx(0.0000738)))]


def test_what_was_lost_is_counted_by_reason(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    usage = {"prompt_tokens": -12, "completion_tokens": 3, "total_tokens": -9}
    wire = Wire(json.dumps({"model": "gpt-4o-mini", "choices": [], "usage": usage}))
    for _ in range(2):
        wire.client().chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    assert recording.metrics()["infraprism.dropped"] == [({"reason": "invalid_usage"}, 2)]
    assert [record.message for record in caplog.records if record.name == "infraprism"] == [
        "infraprism: invalid_usage (impossible input_tokens); counted as dropped from now on"
    ]
