"""The simulated API as the real `openai` client sees it, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
import simulated_openai
from pydantic import BaseModel
from simulated_openai import SimulatedOpenAI

from tests.support.processes import Process

PROGRAM = Path(simulated_openai.__file__)
QUESTION = [{"role": "user", "content": "What is machine learning?"}]
ANSWER = (
    "Machine learning is a way to build software that learns patterns from data instead of following rules "
    "that somebody wrote down. A model is fitted to examples, then predicts for new cases."
)
#: 4 for the message, 7 for its 25 bytes, 3 for the beginning of the reply; and the answer's 186 bytes.
USAGE = {
    "prompt_tokens": 14,
    "completion_tokens": 47,
    "total_tokens": 61,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
WEATHER_PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
WEATHER_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER_PARAMETERS}}
WEATHER_QUESTION = {
    "role": "user",
    "content": "The weather in New York City and in London, in celsius?",
}


@pytest.fixture
def client(api: SimulatedOpenAI) -> Iterator[openai.OpenAI]:
    with connect(api) as client:
        yield client


def connect(api: SimulatedOpenAI, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=api.base_url, api_key="any", **{"max_retries": 0, **options})


def sent(model: Any) -> Any:
    """What the server sent, without what the client's classes add."""
    return model.to_dict()


def call(endpoint: str, body: Any, usage: Any, **changes: Any) -> dict[str, Any]:
    """An entry of the bill."""
    return {
        "endpoint": endpoint,
        "id": body.id,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "usage": sent(usage),
        "streamed": False,
        "delivered": True,
        **changes,
    }


def test_chat(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=QUESTION)
    completion = raw.parse()
    body = sent(completion)
    assert abs(body.pop("created") - time.time()) < 60
    message = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    assert body == {
        "id": "chatcmpl-sim-0-000001",
        "object": "chat.completion",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }
    names = ("x-simulated", "x-request-id", "openai-version", "x-ratelimit-remaining-tokens")
    expected = ["true", "req_sim-000001", "2020-10-01", "199939"]
    assert [raw.headers[name] for name in names] == expected
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert api.bill() == [call("/v1/chat/completions", completion, completion.usage)]


async def test_the_async_client(api: SimulatedOpenAI) -> None:
    async with openai.AsyncOpenAI(base_url=api.base_url, api_key="any", max_retries=0) as client:
        create = client.chat.completions.create
        completions = await asyncio.gather(*[create(model="gpt-4o", messages=QUESTION) for _ in range(20)])
        assert {completion.choices[0].message.content for completion in completions} == {ANSWER}
        assert {completion.id for completion in completions} == {entry["id"] for entry in api.bill()}
        stream = await create(model="gpt-4o", messages=QUESTION, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == ANSWER
        stream = await client.responses.create(model="gpt-4o", input="What is Python?", stream=True)
        events = [event async for event in stream]
        assert sent(events[-1].response.usage) == api.bill()[-1]["usage"]


def test_a_streamed_chat_has_its_usage_in_one_last_chunk(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    *chunks, last = client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ANSWER
    assert {chunk.id for chunk in [*chunks, last]} == {"chatcmpl-sim-0-000001"}
    assert [sent(chunk)["usage"] for chunk in chunks] == [None] * len(chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert (last.choices, sent(last.usage)) == ([], USAGE)
    assert api.bill() == [call("/v1/chat/completions", last, last.usage, streamed=True)]


def test_a_streamed_chat_has_no_usage_unless_asked(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True))
    assert all("usage" not in sent(chunk) for chunk in chunks)
    assert [entry["usage"] for entry in api.bill()] == [USAGE]


def test_several_choices(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="gpt-4o", messages=QUESTION, n=2)
    first, second = (choice.message.content for choice in completion.choices)
    assert first == ANSWER
    assert second != ANSWER
    tokens = simulated_openai.count_tokens
    assert completion.usage.completion_tokens == tokens(first) + tokens(second)
    with client.chat.completions.stream(model="gpt-4o", messages=QUESTION, n=2) as stream:
        choices = stream.get_final_completion().choices
    assert [choice.message.content for choice in choices] == [first, second]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_with_tools(client: openai.OpenAI, streamed: bool) -> None:
    def complete(messages: list[Any]) -> Any:
        request: Any = {"model": "gpt-4o", "messages": messages, "tools": [WEATHER_TOOL]}
        if not streamed:
            return client.chat.completions.create(**request)
        with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as stream:
            return stream.get_final_completion()

    asking = complete([WEATHER_QUESTION])
    message = asking.choices[0].message
    assert (asking.choices[0].finish_reason, message.content) == ("tool_calls", None)
    assert [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls] == [
        ("get_weather", {"city": "New York City", "unit": "celsius", "days": 1}),
        ("get_weather", {"city": "London", "unit": "celsius", "days": 1}),
    ]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": result}
        for call, result in zip(message.tool_calls, ["25 °C", "15 °C"], strict=True)
    ]
    answer = complete([WEATHER_QUESTION, message, *results])
    expected = "Here is what I found. get_weather: 25 °C; get_weather: 15 °C."
    assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("stop", expected)
    assert answer.usage.prompt_tokens > asking.usage.prompt_tokens


def test_tools_are_chosen_by_the_request(client: openai.OpenAI) -> None:
    other = {"type": "function", "function": {"name": "send_mail", "parameters": {"type": "object"}}}

    def calls(**options: Any) -> list[str]:
        completion = client.chat.completions.create(
            model="gpt-4o", messages=[WEATHER_QUESTION], tools=[other, WEATHER_TOOL], **options
        )
        return [call.function.name for call in completion.choices[0].message.tool_calls or []]

    assert calls() == ["get_weather", "get_weather"]
    assert calls(parallel_tool_calls=False) == ["get_weather"]
    assert calls(tool_choice="none") == []
    assert calls(tool_choice={"type": "function", "function": {"name": "send_mail"}}) == ["send_mail"]


class City(BaseModel):
    name: str
    population: int
    capital: bool


class Country(BaseModel):
    continent: Literal["Africa", "Europe"]
    cities: list[City]
    motto: str | None
    neighbours: list[Country]


def test_structured_answers_fit_their_schema(client: openai.OpenAI) -> None:
    asked = "A country in Europe with 3 cities"
    chat = client.chat.completions.parse(
        model="gpt-4o", messages=[{"role": "user", "content": asked}], response_format=Country
    )
    country = chat.choices[0].message.parsed
    assert country.continent == "Europe"
    assert country.cities == [City(name=asked, population=3, capital=True)]
    assert client.responses.parse(model="gpt-4o", input=asked, text_format=Country).output_parsed == country


def test_responses(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    response = client.responses.create(
        model="gpt-4o", input="What is Python?", instructions="Be brief.", service_tier="flex"
    )
    usage = {
        "input_tokens": 18,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 42,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 60,
    }
    assert (response.status, sent(response)["usage"]) == ("completed", usage)
    assert response.output_text.startswith("Python is a high-level, general-purpose programming language")
    assert api.bill() == [call("/v1/responses", response, response.usage, service_tier="flex")]


def test_a_streamed_response_has_every_event_in_order(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="gpt-4o", input="What is Python?", stream=True))
    kinds = [event.type.removeprefix("response.") for event in events]
    deltas = kinds.count("output_text.delta")
    assert kinds == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *["output_text.delta"] * deltas,
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    final = events[-1].response
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == (
        final.output_text
    )
    assert (events[0].response.usage, events[0].response.status) == (None, "in_progress")
    assert api.bill() == [call("/v1/responses", final, final.usage, streamed=True)]


def test_the_stream_helper_of_responses_with_tools_and_an_earlier_response(client: openai.OpenAI) -> None:
    tool = {"type": "function", "name": "get_weather", "parameters": WEATHER_PARAMETERS}
    with client.responses.stream(model="gpt-4o", input=[WEATHER_QUESTION], tools=[tool]) as stream:
        asking = stream.get_final_response()
    assert [(item.name, json.loads(item.arguments)["city"]) for item in asking.output] == [
        ("get_weather", "New York City"),
        ("get_weather", "London"),
    ]
    results = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "15 °C"} for item in asking.output
    ]
    continued = client.responses.create(
        model="gpt-4o", input=results, tools=[tool], previous_response_id=asking.id
    )
    whole = client.responses.create(
        model="gpt-4o", input=[WEATHER_QUESTION, *asking.output, *results], tools=[tool]
    )
    assert continued.output_text == "Here is what I found. get_weather: 15 °C; get_weather: 15 °C."
    assert (continued.output_text, continued.usage) == (whole.output_text, whole.usage)
    assert continued.usage.input_tokens > asking.usage.input_tokens
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="gpt-4o", input="More", previous_response_id="resp_unknown")
    assert refused.value.code == "previous_response_not_found"


def test_embeddings(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    def embed(**request: Any) -> list[list[float]]:
        answer = client.embeddings.create(model="text-embedding-3-small", **request)
        assert sent(answer.usage) == api.bill()[-1]["usage"]
        return [item.embedding for item in answer.data]

    # The client asks for base64 by itself.
    (one,) = embed(input="South Atlantic Ocean.")
    assert len(one) == 1536
    assert sum(x * x for x in one) == pytest.approx(1, abs=1e-6)
    assert embed(input="South Atlantic Ocean.", encoding_format="float") == [one]
    assert embed(input=["South Atlantic Ocean.", "Bouvet Island"])[0] == one
    assert [len(vector) for vector in embed(input=[[1, 2, 3], [4]], dimensions=256)] == [256, 256]
    assert len(embed(input=[1, 2, 3])) == 1
    assert [entry["usage"]["total_tokens"] for entry in api.bill()] == [6, 6, 10, 4, 3]
    assert api.bill()[0] == {
        "endpoint": "/v1/embeddings",
        "id": None,
        "model": "text-embedding-3-small",
        "service_tier": None,
        "usage": {"prompt_tokens": 6, "total_tokens": 6},
        "streamed": False,
        "delivered": True,
    }


def test_a_long_repeated_conversation_has_cached_tokens(client: openai.OpenAI) -> None:
    messages = [{"role": "system", "content": "You are a helpful assistant. " * 200}]
    counts = []
    for _ in range(4):
        messages += QUESTION
        usage = client.chat.completions.create(model="gpt-4o", messages=messages).usage
        messages.append({"role": "assistant", "content": ANSWER})
        counts.append((usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens))
    # What was in the earlier prompt, rounded down to a step of 128.
    assert counts == [(1468, 0), (1530, 1408), (1592, 1408), (1654, 1536)]
    other_model = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    assert other_model.usage.prompt_tokens_details.cached_tokens == 0


def test_reasoning_tokens_are_part_of_the_completion(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="gpt-5", messages=QUESTION)
    details = completion.usage.completion_tokens_details
    visible = simulated_openai.count_tokens(completion.choices[0].message.content)
    assert completion.model == "gpt-5-2025-08-07"
    assert (details.reasoning_tokens, completion.usage.completion_tokens) == (448, 448 + visible)
    response = client.responses.create(model="gpt-5", input="Why?", reasoning={"effort": "low"})
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.usage.output_tokens_details.reasoning_tokens == 128


def test_a_limit_cuts_the_answer(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_completion_tokens=10)
    (choice,) = completion.choices
    assert (choice.message.content, choice.finish_reason) == (ANSWER[:40], "length")
    assert completion.usage.completion_tokens == 10
    *_, last = client.responses.create(model="gpt-5", input="Why?", max_output_tokens=100, stream=True)
    assert (last.type, last.response.output_text) == ("response.incomplete", "")
    assert last.response.usage.output_tokens_details.reasoning_tokens == 100


@pytest.mark.parametrize(
    ("asked", "served"),
    [("auto", "default"), ("default", "default"), ("flex", "flex"), ("priority", "priority")],
)
def test_the_answer_names_the_tier_that_served(client: openai.OpenAI, asked: Any, served: str) -> None:
    completion = client.chat.completions.create(model="gpt-4o", messages=QUESTION, service_tier=asked)
    assert completion.service_tier == served


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_statuses_on_demand(
    api: SimulatedOpenAI, client: openai.OpenAI, status: int, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error) as raised:
        client.chat.completions.create(
            model="gpt-4o", messages=QUESTION, extra_headers={"x-simulate": f"status={status}"}
        )
    assert (type(raised.value), raised.value.status_code) == (error, status)
    assert raised.value.request_id == "req_sim-000001"
    assert api.bill() == []


@pytest.mark.parametrize("trouble", ["status=429", "status=500", "disconnect"])
def test_a_retry_succeeds_after_so_many_times(api: SimulatedOpenAI, trouble: str) -> None:
    with connect(api, max_retries=2) as client:
        for case in ("first", "second"):
            headers = {"x-simulate": f"{trouble};times=1;case={case}"}
            raw = client.chat.completions.with_raw_response.create(
                model="gpt-4o", messages=QUESTION, extra_headers=headers
            )
            assert (raw.retries_taken, sent(raw.parse().usage)) == (1, USAGE)
    assert len(api.bill()) == 2


def test_a_dropped_connection(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(
            model="gpt-4o", messages=QUESTION, extra_headers={"x-simulate": "disconnect"}
        )
    assert api.bill() == []


def test_a_stream_that_breaks_off_is_billed(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, stream=True, extra_headers={"x-simulate": "disconnect-after=3"}
    )
    chunks = [next(stream) for _ in range(3)]
    with pytest.raises(openai.APIConnectionError):
        next(stream)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "Machine", " learning"]
    assert [(entry["usage"], entry["delivered"]) for entry in api.bill()] == [(USAGE, False)]


def test_a_stream_that_the_caller_leaves_is_billed(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    with client.responses.create(
        model="gpt-4o", input="What is Python?", stream=True, extra_headers={"x-simulate": "delay=0.005"}
    ) as stream:
        assert next(iter(stream)).type == "response.created"
    time.sleep(0.4)  # longer than the whole stream takes
    assert [(entry["streamed"], entry["delivered"]) for entry in api.bill()] == [(True, False)]


def test_a_delay_can_outlast_the_caller(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    started = time.perf_counter()
    client.embeddings.create(
        model="text-embedding-3-small", input="x", extra_headers={"x-simulate": "delay=0.2"}
    )
    assert time.perf_counter() - started >= 0.2
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(
            model="gpt-4o", messages=QUESTION, timeout=0.1, extra_headers={"x-simulate": "delay=0.3"}
        )


def test_an_answer_without_usage_is_billed(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    headers = {"x-simulate": "no-usage"}
    chat: Any = {"model": "gpt-4o", "messages": QUESTION, "extra_headers": headers}
    assert client.chat.completions.create(**chat).usage is None
    chunks = client.chat.completions.create(**chat, stream=True, stream_options={"include_usage": True})
    assert all("usage" not in sent(chunk) for chunk in chunks)
    assert client.responses.create(model="gpt-4o", input="Why?", extra_headers=headers).usage is None
    assert [entry["usage"]["total_tokens"] for entry in api.bill()] == [61, 61, 23]


def test_requests_that_openai_refuses(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    def refused(path: str, body: Any, options: Any = None) -> tuple[int, str | None, str | None]:
        with pytest.raises(openai.APIStatusError) as raised:
            client.post(path, cast_to=object, body=body, options=options or {})
        return raised.value.status_code, raised.value.code, raised.value.param

    name, chat = "does-not-exist", "/chat/completions"
    assert refused(chat, {"model": name, "messages": QUESTION}) == (404, "model_not_found", None)
    assert refused("/embeddings", {"model": name, "input": "x"}) == (404, "model_not_found", None)
    assert refused("/responses", {"model": name, "input": "x"}) == (400, "model_not_found", "model")
    assert refused(chat, {"model": "gpt-4o"}) == (400, "missing_required_parameter", "messages")
    assert refused(chat, {"messages": QUESTION}) == (400, "missing_required_parameter", "model")
    assert refused(chat, [1]) == (400, None, None)
    assert refused("/images/generations", {"prompt": "x"}) == (404, None, None)
    headers = {"headers": {"x-simulate": "stauts=500"}}
    assert refused(chat, {"model": "gpt-4o"}, headers) == (400, None, None)
    assert api.bill() == []


@pytest.mark.parametrize(("key", "data", "status"), [("", b"{}", 401), ("any", b'{"model": ', 400)])
def test_requests_that_the_client_would_not_send(
    api: SimulatedOpenAI, key: str, data: bytes, status: int
) -> None:
    request = urllib.request.Request(
        f"{api.base_url}/chat/completions", data, {"authorization": f"Bearer {key}"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    with raised.value as answer:
        assert answer.status == status
        assert json.load(answer)["error"]["type"] == "invalid_request_error"


def test_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"gpt-4o", "gpt-4o-2024-08-06", "gpt-5", "text-embedding-3-small"} <= set(names)


def test_the_same_seed_gives_the_same_answers() -> None:
    def answers(seed: int) -> list[Any]:
        with contextlib.closing(simulated_openai.serve(seed=seed)) as api, connect(api) as client:
            tools: Any = {"messages": [WEATHER_QUESTION], "tools": [WEATHER_TOOL]}
            bodies = [
                sent(client.chat.completions.create(model="gpt-4o", messages=QUESTION, n=2)),
                sent(client.chat.completions.create(model="gpt-5", **tools)),
                sent(client.responses.create(model="gpt-4o", input="What is Python?")),
                sent(client.embeddings.create(model="text-embedding-3-small", input="x")),
            ]
            for body in bodies:
                for name in ("created", "created_at", "completed_at"):
                    body.pop(name, None)
            return [*bodies, api.bill()]

    assert answers(0) == answers(0)
    assert answers(0) != answers(1)


def test_the_bill_over_http_and_its_reset(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    address = api.base_url.removesuffix("/v1") + "/simulated"
    client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    with urllib.request.urlopen(f"{address}/bill") as answer:
        assert json.load(answer) == api.bill()
    with urllib.request.urlopen(f"{address}/reset", data=b"") as answer:
        assert (json.load(answer), api.bill()) == ({}, [])


def test_a_closed_server_refuses_connections(api: SimulatedOpenAI, client: openai.OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    api.close()
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_stops_quietly(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    prefix = "simulated OpenAI API (no model behind it) listening on http://127.0.0.1:"
    assert line.startswith(prefix)
    with openai.OpenAI(base_url=line.split()[-1], api_key="secret-key", max_retries=0) as client:
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        process.send_signal(number)
        rest, _ = process.communicate(timeout=10)
    # Nothing but the one line: neither keys nor prompts.
    assert (rest, process.returncode) == ("", 0)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Process([sys.executable, str(PROGRAM), "--port", str(port)], os.environ) as program:
            program.wait_for_line(rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$")
            assert (program.wait(), program.output.count("\n")) == (1, 1)
