"""Failed calls: told apart, not billed where the API refused, and nothing said of what was in them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel
from simulated_openai import SimulatedOpenAI

from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import API_KEY, SCOPE, Held, Recording, Wire, adrain, drain, instrumented, sse
from tests.support.versions import chat_helpers

SECRET = "my PIN is tulip-4711"
MESSAGES: Any = [{"role": "system", "content": SECRET}, {"role": "user", "content": SECRET}]
WHO: Any = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme-corp"}


def chat(client: Any, trouble: str = "", **arguments: Any) -> Any:
    headers = {"x-simulate": trouble} if trouble else {}
    return client.chat.completions.create(
        **{"model": "gpt-4o-mini", "messages": MESSAGES, "extra_headers": headers, **WHO, **arguments}
    )


def failed_span(port: int | None, error: str, model: str = "gpt-4o-mini", **others: Any) -> dict[str, Any]:
    """The span of a chat that failed with `error`."""
    return {
        "name": f"chat {model}",
        "kind": "CLIENT",
        "trace_id": trace_id_of(Identity("conv-123", "customer", "acme-corp")),
        "span_id": 1,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("ERROR", error),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "127.0.0.1",
            "gen_ai.request.model": model,
            "openai.api.type": "chat_completions",
            "server.address": "127.0.0.1",
            "server.port": port,
            "session.id": "conv-123",
            "gen_ai.conversation.id": "conv-123",
            "infraprism.entity.type": "customer",
            "infraprism.entity.id": "acme-corp",
            "error.type": error,
            **others,
        },
        "events": [],
        "links": [],
    }


#: Nobody knows whether the request was billed.
UNKNOWN = {
    "infraprism.cost.status": "unpriced",
    "infraprism.session.cost": "0",
    "infraprism.session.turns": 0,
}
REFUSED: dict[str, tuple[dict[str, Any], type[openai.APIStatusError]]] = {
    "404": ({"model": "does-not-exist"}, openai.NotFoundError),
    "429": ({"trouble": "status=429"}, openai.RateLimitError),
    "500": ({"trouble": "status=500"}, openai.InternalServerError),
    "503, streamed": ({"trouble": "status=503", "stream": True}, openai.InternalServerError),
}
refused = pytest.mark.parametrize(("arguments", "error"), REFUSED.values(), ids=REFUSED.keys())


#: What the headers of the refusal said.
REFUSAL = {
    "http.response.header.x-request-id": ("req_sim-000001",),
    "http.response.header.x-ratelimit-remaining-requests": ("9999",),
    "http.response.header.x-ratelimit-remaining-tokens": ("200000",),
}


def refusal(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**REFUSAL, **({"gen_ai.request.stream": True} if "stream" in arguments else {})}


@refused
def test_a_refused_request_costs_nothing(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording, arguments: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        chat(client, **arguments)
    model = arguments.get("model", "gpt-4o-mini")
    port = urlsplit(api.base_url).port
    assert recording.span == failed_span(port, error.__name__, model, **refusal(arguments))
    assert api.bill() == []


@refused
async def test_a_refused_request_of_the_async_client_costs_nothing(
    api: SimulatedOpenAI,
    async_client: AsyncOpenAI,
    recording: Recording,
    arguments: Any,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await chat(async_client, **arguments)
    model = arguments.get("model", "gpt-4o-mini")
    port = urlsplit(api.base_url).port
    assert recording.span == failed_span(port, error.__name__, model, **refusal(arguments))


UNANSWERED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "broken connection": (lambda client: chat(client, "disconnect"), "APIConnectionError"),
    "timeout": (lambda client: chat(client, "delay=0.3", timeout=0.05), "APITimeoutError"),
}
unanswered = pytest.mark.parametrize(("call", "error"), UNANSWERED.values(), ids=UNANSWERED.keys())


@unanswered
def test_what_an_unanswered_request_cost_is_not_known(
    api: SimulatedOpenAI, client: OpenAI, recording: Recording, call: Callable[[Any], Any], error: str
) -> None:
    with pytest.raises(openai.APIConnectionError):
        call(client)
    assert recording.span == failed_span(urlsplit(api.base_url).port, error, **UNKNOWN)


@unanswered
async def test_what_an_unanswered_request_of_the_async_client_cost_is_not_known(
    api: SimulatedOpenAI,
    async_client: AsyncOpenAI,
    recording: Recording,
    call: Callable[[Any], Any],
    error: str,
) -> None:
    with pytest.raises(openai.APIConnectionError):
        await call(async_client)
    assert recording.span == failed_span(urlsplit(api.base_url).port, error, **UNKNOWN)


def no_token() -> str:
    raise LookupError("the vault is closed")


UNSENT: dict[str, tuple[Callable[[OpenAI], Any], type[Exception]]] = {
    "an argument that does not exist": (lambda client: chat(client, temprature=1), TypeError),
    "text that is no Unicode": (lambda client: chat(client, model="\ud800"), UnicodeEncodeError),
    "a token that is not to be had": (
        lambda client: chat(
            AzureOpenAI(
                azure_endpoint="https://acme.openai.azure.com",
                api_version="2024-10-21",
                azure_ad_token_provider=no_token,
            )
        ),
        LookupError,
    ),
}


@pytest.mark.parametrize(("call", "error"), UNSENT.values(), ids=UNSENT.keys())
def test_a_request_that_was_never_sent_costs_nothing(
    client: OpenAI, recording: Recording, call: Callable[[OpenAI], Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(client)
    assert recording.span["status"] == ("ERROR", error.__name__)
    assert not [name for name in recording.attributes if "cost" in name]


@pytest.mark.parametrize(("trouble", "status"), [("status=429", None), ("disconnect", "unpriced")])
def test_what_was_asked_for_but_not_given_is_not_billed(
    client: OpenAI, recording: Recording, trouble: str, status: str | None
) -> None:
    with pytest.raises(openai.APIError):
        client.audio.speech.create(
            model="tts-1", voice="alloy", input="Hello there", extra_headers={"x-simulate": trouble}
        )
    assert recording.attributes.get("infraprism.cost.status") == status
    assert "infraprism.cost.amount" not in recording.attributes


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_cancelled_request_cost_is_not_known(recording: Recording, stream: bool) -> None:
    async def cancelled() -> None:
        held = Held(None)
        asking = asyncio.create_task(chat(held.client(), stream=stream))
        await held.waiting.wait()
        asking.cancel()
        await asking

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert recording.attributes["infraprism.cost.status"] == "unpriced"


class City(BaseModel):
    city: str


def test_a_reply_that_was_refused_by_the_helper_was_still_billed(
    client: OpenAI, recording: Recording
) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        chat_helpers(client).parse(
            model="gpt-4o-mini", messages=MESSAGES, response_format=City, max_completion_tokens=2, **WHO
        )
    attributes = recording.attributes
    assert recording.span["status"] == ("ERROR", "LengthFinishReasonError")
    assert attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert attributes["gen_ai.usage.output_tokens"] == 2
    assert attributes["infraprism.cost.status"] == "priced"
    assert attributes["infraprism.session.cost"] == attributes["infraprism.cost.amount"]


def test_an_error_in_a_stream_is_the_calls(recording: Recording) -> None:
    chunk = {"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": []}
    wire = Wire(sse(chunk, {"error": {"message": SECRET}}), content_type="text/event-stream")
    with pytest.raises(openai.APIError, match="4711"):
        drain(chat(wire.client(), stream=True))
    assert recording.span["status"] == ("ERROR", "APIError")
    assert recording.attributes["infraprism.cost.status"] == "unpriced"
    assert SECRET not in repr(recording.spans)


LEAKY: dict[str, Callable[[Any], Any]] = {
    "an answer": chat,
    "a stream": lambda c: chat(c, stream=True),
    "a response": lambda c: c.responses.create(model="gpt-4o-mini", input=SECRET, instructions=SECRET),
    "an embedding": lambda c: c.embeddings.create(model="text-embedding-3-small", input=[SECRET]),
    "a refusal": lambda c: chat(c, model="does-not-exist"),
    "an invalid request": lambda c: chat(c, response_format={"type": "json_schema", "x": SECRET}),
    "an argument that does not exist": lambda c: chat(c, **{SECRET: SECRET}),
    "a message that cannot be sent": lambda c: chat(c, messages=[{"content": object(), "name": SECRET}]),
    "a key that is refused": lambda c: chat(c, extra_headers={"authorization": f"Basic {API_KEY}"}),
    "a broken connection": lambda c: chat(c, "disconnect"),
    "a stream that breaks off": lambda c: chat(c, "disconnect-after=2", stream=True),
    "another user and metadata": lambda c: chat(c, user=SECRET, metadata={"a": SECRET}),
}


@pytest.mark.parametrize("call", LEAKY.values(), ids=LEAKY.keys())
async def test_neither_messages_nor_keys_nor_what_errors_say_is_recorded(
    api: SimulatedOpenAI, call: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("infraprism", "opentelemetry"):
        caplog.set_level(logging.DEBUG, logger=name)
    said: list[str] = []
    options: Any = {"base_url": api.base_url, "api_key": API_KEY, "max_retries": 0}
    with instrumented() as recording:
        try:
            drain(call(OpenAI(**options)))
        except Exception as error:
            said.append(str(error))
        try:
            await adrain(call(AsyncOpenAI(**options)))
        except Exception as error:
            said.append(str(error))
        metrics = recording.metrics()
    assert len(recording.spans) == 2
    logged = [r.getMessage() for r in caplog.records if r.name.startswith(("infraprism", "opentelemetry"))]
    everything = repr(recording.spans) + repr(metrics) + repr(logged)
    for secret in (SECRET, "tulip", API_KEY, API_KEY[-4:], *said):
        assert secret not in everything


FAILED = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-4o-2024-08-06",
    "status": "failed",
    "error": {"code": "rate_limit_exceeded", "message": SECRET},
    "output": [],
    "usage": None,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_response_that_reports_its_own_failure_is_an_error_and_no_turn(streamed: bool) -> None:
    event = {"type": "response.failed", "sequence_number": 1, "response": FAILED}
    with instrumented() as recording:
        client = (
            Wire(sse(event), content_type="text/event-stream") if streamed else Wire(json.dumps(FAILED))
        ).client()
        drain(client.responses.create(model="gpt-4o", input=SECRET, stream=streamed, **WHO))
    assert recording.span["status"] == ("ERROR", "rate_limit_exceeded")
    found = recording.attributes
    assert {
        name: found[name] for name in ("error.type", "infraprism.cost.status", "infraprism.session.turns")
    } == {
        "error.type": "rate_limit_exceeded",
        "infraprism.cost.status": "unpriced",
        "infraprism.session.turns": 0,
    }
