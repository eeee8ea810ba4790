"""A simulated OpenAI API: real HTTP, OpenAI's wire format, and no model behind it.

    python examples/simulated_openai.py --port 0 --seed 0

It answers chat completions and responses (also streamed), embeddings and the list of models, so that
programs built on the `openai` client run without a network and without an account. Answers are canned and
chosen by keyword; the same seed and the same requests give the same answers.

Tokens are counted by the rule in `simulated_answers.py`. A prompt that repeats the beginning of an earlier
one for at least 1,024 tokens has cached tokens, in steps of 128.

The request header `x-simulate` asks for trouble, in words separated by `;`:

    status=429          answer with this status (429 also asks for a retry after 10 ms)
    disconnect          drop the connection instead of answering; nothing is billed
    disconnect-after=3  drop the connection after 3 events of a stream
    delay=0.5           wait 0.5 s before the answer, or before each event of a stream
    no-usage            leave the usage out of the answer
    times=1             do all that only for the first request with exactly this header value
    case=NAME           make this header value distinct from others, for `times`

`GET /simulated/bill` lists the billed calls in order: the truth that a cost tracker can be checked against.
A stream that broke off is billed in full, with `"delivered": false`. `POST /simulated/reset` forgets all.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import copy
import hashlib
import itertools
import json
import random
import re
import signal
import socket
import socketserver
import sys
import threading
import time
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from simulated_answers import (
    BYTES_PER_TOKEN,
    REPLY_START_TOKENS,
    Json,
    Message,
    Prompt,
    count_tokens,
    encode_prompt,
    generate,
)

#: The dated snapshot that serves an alias; any other model serves itself.
SNAPSHOTS = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "o1": "o1-2024-12-17",
    "o3": "o3-2025-04-16",
    "o3-mini": "o3-mini-2025-01-31",
    "o4-mini": "o4-mini-2025-04-16",
}
EMBEDDING_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
MISSING_MODEL = "does-not-exist"
SERVED_TIERS = {"flex": "flex", "priority": "priority", "fast": "priority"}
CACHE_STEP = 128
CACHE_MINIMUM = 1024
#: Bounds of the memory: steps of earlier prompts (4 million tokens), and conversations to continue.
CACHE_STEPS_KEPT = 32_768
CONVERSATIONS_KEPT = 1_024


class ApiError(Exception):
    """An answer in OpenAI's error form."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"retry-after-ms": "10"} if status == 429 else {}
        kind = "requests" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def model_not_found(model: str) -> ApiError:
    """What chat completions and embeddings say to a model that nobody serves."""
    text = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, text, "model_not_found")


@dataclass(frozen=True)
class Trouble:
    """What the header `x-simulate` asks for."""

    status: int | None = None
    disconnect: bool = False
    disconnect_after: int | None = None
    delay: float = 0.0
    no_usage: bool = False
    times: int | None = None

    @classmethod
    def parse(cls, header: str) -> Trouble:
        """Read the header; an unknown word is an error, so that a typo does not pass for a success."""
        kinds: dict[str, Callable[[str], Any]] = {
            "status": int,
            "disconnect-after": int,
            "delay": float,
            "times": int,
        }
        wanted: Json = {}
        for word in filter(None, (part.strip() for part in header.split(";"))):
            name, _, value = word.partition("=")
            if name == "case":
                continue
            try:
                flag = word in ("disconnect", "no-usage")
                wanted[name.replace("-", "_")] = True if flag else kinds[name](value)
            except (KeyError, ValueError):
                raise ApiError(400, f"x-simulate does not understand {word!r}") from None
        return cls(**wanted)


def read_content(content: Any) -> tuple[str, int]:
    """Text and number of images of a message's content, which is a string or a list of parts."""
    if not isinstance(content, list):
        return content or "", 0
    text = "\n".join(part.get("text") or "" for part in content)
    return text, sum("image" in part.get("type", "") for part in content)


def read_chat_message(message: Json) -> Message:
    """A message of a chat completion request."""
    text, images = read_content(message.get("content"))
    calls = [call for call in message.get("tool_calls") or [] if call.get("type") == "function"]
    text += "".join(call["function"]["name"] + call["function"]["arguments"] for call in calls)
    names = {call["id"]: call["function"]["name"] for call in calls}
    return Message(message["role"], text, images, names, message.get("tool_call_id", ""))


def read_response_item(item: Json) -> Message:
    """An input item of a responses request, or an output item sent back as input."""
    match item.get("type", "message"):
        case "function_call":
            calls = {item["call_id"]: item["name"]}
            return Message("assistant", item["name"] + item["arguments"], calls=calls)
        case "function_call_output":
            return Message("tool", read_content(item["output"])[0], answers_call=item["call_id"])
        case "message":
            return Message(item["role"], *read_content(item.get("content")))
        case _:
            return Message("assistant", "")


def parameter(request: Json, name: str) -> Any:
    """A parameter that has to be there."""
    if request.get(name) in (None, "", []):
        raise ApiError(400, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    return request[name]


class Model:
    """The model that is not there: it remembers what an account at OpenAI would remember, and no more."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget the bill, the prompts, the conversations and the attempts."""
        with self._lock:
            self.bill: list[Json] = []
            self._serial = 0
            self._attempts: Counter[str] = Counter()
            self._cache: OrderedDict[bytes, None] = OrderedDict()
            self._conversations: OrderedDict[str, list[Message]] = OrderedDict()

    def serial(self) -> str:
        """The number of the next request, for ids that are unique and the same in every run."""
        with self._lock:
            self._serial += 1
            return f"sim-{self.seed}-{self._serial:06d}"

    def trouble(self, header: str) -> Trouble:
        """What the header asks for, unless it has had its `times`."""
        trouble = Trouble.parse(header)
        with self._lock:
            self._attempts[header] += 1
            spent = trouble.times is not None and self._attempts[header] > trouble.times
        return Trouble() if spent else trouble

    def charge(self, endpoint: str, body: Json, streamed: bool) -> Json:
        """Put a call on the bill; what it returns is marked once the answer is delivered."""
        entry = {
            "endpoint": endpoint,
            "id": body.get("id"),
            "model": body["model"],
            "service_tier": body.get("service_tier"),
            "usage": copy.deepcopy(body["usage"]),
            "streamed": streamed,
            "delivered": False,
        }
        with self._lock:
            self.bill.append(entry)
        return entry

    def _count_prompt(self, prompt: Prompt) -> tuple[int, int]:
        """Tokens of the prompt, and how many of them were the beginning of an earlier prompt."""
        encoded = encode_prompt(prompt)
        digest = hashlib.sha256(prompt.model.encode())
        size = CACHE_STEP * BYTES_PER_TOKEN
        cached, known = 0, True
        with self._lock:
            for start in range(0, len(encoded) - size + 1, size):
                digest.update(encoded[start : start + size])
                step = digest.digest()
                known = known and step in self._cache
                cached += CACHE_STEP if known else 0
                self._cache[step] = None
                self._cache.move_to_end(step)
            while len(self._cache) > CACHE_STEPS_KEPT:
                self._cache.popitem(last=False)
        tokens = len(encoded) // BYTES_PER_TOKEN + REPLY_START_TOKENS
        return tokens, cached if cached >= CACHE_MINIMUM else 0

    def chat(self, request: Json) -> Json:
        """The body of a chat completion, whole, also when it is going to be streamed."""
        model = parameter(request, "model")
        messages = [read_chat_message(message) for message in parameter(request, "messages")]
        if model == MISSING_MODEL:
            raise model_not_found(model)
        response_format = request.get("response_format") or {}
        schema = {"type": "object"} if response_format.get("type") == "json_object" else None
        prompt = Prompt(
            model=model,
            messages=messages,
            functions=[tool["function"] for tool in request.get("tools") or [] if tool["type"] == "function"],
            tool_choice=request.get("tool_choice"),
            parallel_calls=request.get("parallel_tool_calls") is not False,
            schema=response_format.get("json_schema", {}).get("schema", schema),
            effort=request.get("reasoning_effort") or "medium",
            limit=request.get("max_completion_tokens") or request.get("max_tokens"),
        )
        serial = self.serial()
        replies = [generate(prompt, self.seed + index) for index in range(request.get("n") or 1)]
        choices = []
        for index, reply in enumerate(replies):
            message: Json = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
            if reply.calls:
                message["tool_calls"] = [
                    {
                        "id": f"call_{serial}-{index}-{number}",
                        "type": "function",
                        "function": {"name": name, "arguments": arguments},
                    }
                    for number, (name, arguments) in enumerate(reply.calls)
                ]
            finish = "length" if reply.cut else "tool_calls" if reply.calls else "stop"
            choice = {"index": index, "message": message, "logprobs": None, "finish_reason": finish}
            choices.append(choice)
        tokens, cached = self._count_prompt(prompt)
        generated = sum(reply.tokens for reply in replies)
        return {
            "id": f"chatcmpl-{serial}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": SNAPSHOTS.get(model, model),
            "choices": choices,
            "usage": {
                "prompt_tokens": tokens,
                "completion_tokens": generated,
                "total_tokens": tokens + generated,
                "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": sum(reply.reasoning_tokens for reply in replies),
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            "service_tier": SERVED_TIERS.get(request.get("service_tier") or "", "default"),
            "system_fingerprint": "fp_simulated",
        }

    def responses(self, request: Json) -> Json:
        """The body of a response, whole, also when it is going to be streamed."""
        model = parameter(request, "model")
        given = parameter(request, "input")
        if model == MISSING_MODEL:
            # Unlike the other endpoints this one answers 400.
            raise ApiError(400, f"The requested model '{model}' does not exist.", "model_not_found", "model")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        earlier = request.get("previous_response_id")
        with self._lock:
            conversation = list(self._conversations.get(earlier, [])) if earlier else []
        if earlier and not conversation:
            text = f"Previous response with id '{earlier}' not found."
            raise ApiError(400, text, "previous_response_not_found", "previous_response_id")
        conversation += [read_response_item(item) for item in items]
        instructions = request.get("instructions")
        output_format = (request.get("text") or {}).get("format") or {"type": "text"}
        schema = {"type": "object"} if output_format["type"] == "json_object" else None
        effort = (request.get("reasoning") or {}).get("effort")
        prompt = Prompt(
            model=model,
            # Instructions hold for one request only and come first.
            messages=([Message("system", instructions)] if instructions else []) + conversation,
            functions=[tool for tool in request.get("tools") or [] if tool["type"] == "function"],
            tool_choice=request.get("tool_choice"),
            parallel_calls=request.get("parallel_tool_calls") is not False,
            schema=output_format.get("schema", schema),
            effort=effort or "medium",
            limit=request.get("max_output_tokens"),
        )
        serial = self.serial()
        reply = generate(prompt, self.seed)
        output: list[Json] = []
        if reply.reasoning_tokens:
            output.append({"id": f"rs_{serial}", "type": "reasoning", "summary": []})
        for number, (name, arguments) in enumerate(reply.calls):
            output.append(
                {
                    "id": f"fc_{serial}-{number}",
                    "type": "function_call",
                    "status": "completed",
                    "arguments": arguments,
                    "call_id": f"call_{serial}-{number}",
                    "name": name,
                }
            )
        if reply.text is not None:
            part = {"type": "output_text", "annotations": [], "logprobs": [], "text": reply.text}
            output.append(
                {
                    "id": f"msg_{serial}",
                    "type": "message",
                    "status": "incomplete" if reply.cut else "completed",
                    "content": [part],
                    "role": "assistant",
                }
            )
        response_id = f"resp_{serial}"
        if request.get("store") is not False:
            with self._lock:
                self._conversations[response_id] = conversation + [read_response_item(i) for i in output]
                if len(self._conversations) > CONVERSATIONS_KEPT:
                    self._conversations.popitem(last=False)
        tokens, cached = self._count_prompt(prompt)
        now = int(time.time())
        return {
            "id": response_id,
            "object": "response",
            "created_at": now,
            "status": "incomplete" if reply.cut else "completed",
            "background": False,
            "completed_at": None if reply.cut else now,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": {"reason": "max_output_tokens"} if reply.cut else None,
            "instructions": instructions,
            "max_output_tokens": request.get("max_output_tokens"),
            "max_tool_calls": None,
            "model": SNAPSHOTS.get(model, model),
            "output": output,
            "parallel_tool_calls": prompt.parallel_calls,
            "presence_penalty": 0.0,
            "previous_response_id": earlier,
            "prompt_cache_key": request.get("prompt_cache_key"),
            "reasoning": {"effort": effort, "summary": None},
            "safety_identifier": request.get("safety_identifier"),
            "service_tier": SERVED_TIERS.get(request.get("service_tier") or "", "default"),
            "store": request.get("store") is not False,
            "temperature": request.get("temperature", 1.0),
            "text": {"format": output_format, "verbosity": "medium"},
            "tool_choice": request.get("tool_choice") or "auto",
            "tools": request.get("tools") or [],
            "top_logprobs": 0,
            "top_p": request.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": {
                "input_tokens": tokens,
                "input_tokens_details": {"cached_tokens": cached},
                "output_tokens": reply.tokens,
                "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
                "total_tokens": tokens + reply.tokens,
            },
            "user": request.get("user"),
            "metadata": request.get("metadata") or {},
        }

    def embeddings(self, request: Json) -> Json:
        """The body of an embeddings answer: unit vectors that depend on the seed and the text alone."""
        model = parameter(request, "model")
        given = parameter(request, "input")
        if model == MISSING_MODEL:
            raise model_not_found(model)
        inputs = [given] if isinstance(given, str) or isinstance(given[0], int) else given
        dimensions = request.get("dimensions") or EMBEDDING_DIMENSIONS.get(model, 1536)
        data = []
        for index, text in enumerate(inputs):
            chance = random.Random(f"{self.seed} {model} {text}")
            vector = [chance.gauss(0, 1) for _ in range(dimensions)]
            length = sum(x * x for x in vector) ** 0.5
            floats = array("f", (x / length for x in vector))
            if sys.byteorder == "big":
                floats.byteswap()  # the wire format is little-endian
            base64_wanted = request.get("encoding_format") == "base64"
            embedding = base64.b64encode(floats.tobytes()).decode() if base64_wanted else list(floats)
            data.append({"object": "embedding", "index": index, "embedding": embedding})
        tokens = sum(count_tokens(text) if isinstance(text, str) else len(text) for text in inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": model, "usage": usage}


def split_text(text: str, arguments: bool = False) -> list[str]:
    """The pieces in which a text is streamed: words, or a few characters of a tool's arguments."""
    return re.findall(r".{1,8}", text) if arguments else re.findall(r"\s*\S+", text)


def stream_chat(body: Json, request: Json) -> list[str]:
    """The server-sent events of a chat completion."""
    shared = {name: body[name] for name in ("id", "created", "model", "service_tier", "system_fingerprint")}
    shared["object"] = "chat.completion.chunk"
    usage_wanted = bool((request.get("stream_options") or {}).get("include_usage")) and "usage" in body
    events: list[str] = []

    def send(choices: list[Json], usage: Json | None = None) -> None:
        chunk = {**shared, "choices": choices, **({"usage": usage} if usage_wanted else {})}
        events.append(f"data: {json.dumps(chunk)}\n\n")

    def send_delta(index: int, delta: Json, finish_reason: str | None = None) -> None:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        send([choice])

    for choice in body["choices"]:
        index, message = choice["index"], choice["message"]
        calls = message.get("tool_calls", [])
        send_delta(index, {"role": "assistant", "content": None if calls else "", "refusal": None})
        for piece in split_text(message["content"] or ""):
            send_delta(index, {"content": piece})
        for number, call in enumerate(calls):
            function = {"name": call["function"]["name"], "arguments": ""}
            send_delta(index, {"tool_calls": [{**call, "index": number, "function": function}]})
            for piece in split_text(call["function"]["arguments"], arguments=True):
                send_delta(index, {"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
        send_delta(index, {}, choice["finish_reason"])
    if usage_wanted:
        send([], body["usage"])
    return [*events, "data: [DONE]\n\n"]


def stream_response(body: Json, request: Json) -> list[str]:
    """The server-sent events of a response."""
    events: list[str] = []

    def send(kind: str, **content: Any) -> None:
        data = {"type": kind, **content, "sequence_number": len(events)}
        events.append(f"event: {kind}\ndata: {json.dumps(data)}\n\n")

    unfinished = {"status": "in_progress", "completed_at": None, "incomplete_details": None}
    started = {**body, **unfinished, "output": [], "usage": None}
    send("response.created", response=started)
    send("response.in_progress", response=started)
    for index, item in enumerate(body["output"]):
        where = {"item_id": item["id"], "output_index": index}
        if item["type"] == "function_call":
            added = {**item, "status": "in_progress", "arguments": ""}
            send("response.output_item.added", item=added, output_index=index)
            for piece in split_text(item["arguments"], arguments=True):
                send("response.function_call_arguments.delta", delta=piece, **where)
            done = {"arguments": item["arguments"], "name": item["name"]}
            send("response.function_call_arguments.done", **done, **where)
        elif item["type"] == "message":
            part = item["content"][0]
            where["content_index"] = 0
            added = {**item, "status": "in_progress", "content": []}
            send("response.output_item.added", item=added, output_index=index)
            send("response.content_part.added", part={**part, "text": ""}, **where)
            for piece in split_text(part["text"]):
                send("response.output_text.delta", delta=piece, logprobs=[], **where)
            send("response.output_text.done", text=part["text"], logprobs=[], **where)
            send("response.content_part.done", part=part, **where)
        else:
            send("response.output_item.added", item=item, output_index=index)
        send("response.output_item.done", item=item, output_index=index)
    send(f"response.{body['status']}", response=body)
    return events


class _Handler(BaseHTTPRequestHandler):
    """HTTP around the model: authentication, trouble on demand, answers whole or streamed."""

    protocol_version = "HTTP/1.1"
    server_version = "SimulatedOpenAI"
    disable_nagle_algorithm = True
    wbufsize = 65536  # head and body leave in one packet
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: a log is no place for what the requests carry."""

    def do_POST(self) -> None:
        self.started = time.perf_counter()
        self.rate_limit_tokens = 0
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = urlsplit(self.path).path
        try:
            if path == "/simulated/reset":
                self.server.model.reset()
                self._send({})
            elif path == "/simulated/bill":
                self._send(self.server.model.bill)
            else:
                self._call_api(path, raw)
        except ApiError as error:
            self._send(error.body, error.status, error.headers)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    def _call_api(self, path: str, raw: bytes) -> None:
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise ApiError(401, "You didn't provide an API key. Any key will do: this API is simulated.")
        model = self.server.model
        trouble = model.trouble(self.headers.get("x-simulate", ""))
        if trouble.disconnect:
            self.close_connection = True
            return
        if trouble.status:
            time.sleep(trouble.delay)
            code = "rate_limit_exceeded" if trouble.status == 429 else None
            raise ApiError(trouble.status, f"Simulated error with status {trouble.status}.", code)
        if (self.command, path) == ("GET", "/v1/models"):
            names = sorted([*SNAPSHOTS, *SNAPSHOTS.values(), *EMBEDDING_DIMENSIONS])
            data = [{"id": n, "object": "model", "created": 0, "owned_by": "simulated"} for n in names]
            self._send({"object": "list", "data": data})
            return
        answers: dict[str, tuple[Callable[[Json], Json], Callable[[Json, Json], list[str]] | None]] = {
            "/v1/chat/completions": (model.chat, stream_chat),
            "/v1/responses": (model.responses, stream_response),
            "/v1/embeddings": (model.embeddings, None),
        }
        if self.command != "POST" or path not in answers:
            raise ApiError(404, f"Invalid URL ({self.command} {path})")
        answer, stream = answers[path]
        try:
            request = json.loads(raw)
            body = answer(request)
        except (ValueError, LookupError, TypeError, AttributeError):
            message = "We could not parse the JSON body of your request, or it is not what this API expects."
            raise ApiError(400, message) from None
        streamed = stream is not None and bool(request.get("stream"))
        self.rate_limit_tokens = body["usage"]["total_tokens"]
        entry = model.charge(path, body, streamed)
        if trouble.no_usage and body["object"] == "response":
            body["usage"] = None
        elif trouble.no_usage:
            del body["usage"]
        if stream is not None and streamed:
            self._send_events(stream(body, request), entry, trouble)
        else:
            time.sleep(trouble.delay)
            content = json.dumps(body).encode()
            self._send_head(200, {"content-type": "application/json", "content-length": str(len(content))})
            self._deliver(content, entry)

    def _deliver(self, data: bytes, entry: Json) -> None:
        """Send the end of an answer. Marked before: the client may ask for the bill as soon as it has it."""
        entry["delivered"] = True
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            entry["delivered"] = False
            self.close_connection = True

    def _send_events(self, events: list[str], entry: Json, trouble: Trouble) -> None:
        kind = "text/event-stream; charset=utf-8"
        self._send_head(200, {"content-type": kind, "transfer-encoding": "chunked"})
        chunks = [b"%x\r\n%b\r\n" % (len(event.encode()), event.encode()) for event in events]
        chunks[-1] += b"0\r\n\r\n"
        broken = trouble.disconnect_after is not None and trouble.disconnect_after < len(chunks)
        try:
            self.wfile.flush()
            for chunk in chunks[:-1][: trouble.disconnect_after]:
                time.sleep(trouble.delay)
                self.wfile.write(chunk)
                self.wfile.flush()
        except OSError:
            broken = True
        if broken:
            self.close_connection = True
            return
        time.sleep(trouble.delay)
        self._deliver(chunks[-1], entry)

    def _send(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        head = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
        self._send_head(status, head)
        self.wfile.write(data)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        shared = {
            "x-simulated": "true",
            "x-request-id": f"req_sim-{next(self.server.request_numbers):06d}",
            "openai-organization": "simulated",
            "openai-processing-ms": str(int((time.perf_counter() - self.started) * 1000)),
            "openai-version": "2020-10-01",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-limit-tokens": "200000",
            "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-remaining-tokens": str(200_000 - self.rate_limit_tokens),
        }
        for name, value in {**shared, **headers}.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024  # with 128, a thousand calls at once lost every fifth connection

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = Model(seed)
        self.request_numbers = itertools.count(1)
        self.connections: set[socket.socket] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of our business; anything else is a defect and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class SimulatedOpenAI:
    """A running simulated API, in a thread of its own."""

    def __init__(self, port: int, seed: int) -> None:
        self._server = _Server(port, seed)
        #: What the `openai` client takes as its base URL.
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def bill(self) -> list[Json]:
        """The billed calls in order, with the usage of each in tokens."""
        return copy.deepcopy(self._server.model.bill)

    def reset(self) -> None:
        """Forget the bill, the cached prompts, the conversations and the counted attempts."""
        self._server.model.reset()
        self._server.request_numbers = itertools.count(1)

    def close(self) -> None:
        """Stop listening and drop the open connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def serve(port: int = 0, seed: int = 0) -> SimulatedOpenAI:
    """Start the simulated API on the loopback interface; port 0 takes a free one.

    Raises `OSError` when the port is taken.
    """
    return SimulatedOpenAI(port, seed)


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A simulated OpenAI API: no model behind it.")
    parser.add_argument("--port", type=int, default=8080, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="chooses among answers that fit equally well")
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        server = serve(options.port, options.seed)
    except OSError as error:
        print(f"cannot listen on 127.0.0.1:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"simulated OpenAI API (no model behind it) listening on {server.base_url}", flush=True)
    stopped.wait()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
