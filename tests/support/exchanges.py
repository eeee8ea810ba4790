"""Each instrumented method, how it is called, and what servers answer, as they should and should not."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import openai

from tests.support.script import EVENTS, Answer, body, events
from tests.support.versions import http

USAGE: Any = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
CHOICE: Any = {
    "index": 0,
    "finish_reason": "stop",
    "message": {"role": "assistant", "content": '{"word":"a"}'},
}
CHAT: Any = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [CHOICE],
    "usage": USAGE,
}
PIECE: Any = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}
CHUNK: Any = {**CHAT, "object": "chat.completion.chunk", "choices": [PIECE], "usage": None}
del CHUNK["usage"]
TEXT: Any = {**CHAT, "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop", "logprobs": None}]}
TOKENS: Any = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
RESPONSE: Any = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o-mini",
    "output": [],
    "usage": TOKENS,
}
IMAGES: Any = {"created": 1, "data": [{"b64_json": "aGk="}], "usage": TOKENS}
TRANSCRIPT: Any = {"text": "Hello", "usage": {**TOKENS, "type": "tokens"}}
VIDEO: Any = {"id": "video-1", "object": "video", "model": "sora-2", "seconds": "8", "status": "queued"}
LIST: Any = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
BATCH: Any = {"id": "batch_1", "object": "batch", "output_file_id": "file-1", "endpoint": "/v1/embeddings"}
MESSAGES: Any = [{"role": "user", "content": "Hello"}]


class Word(openai.BaseModel):
    word: str


class Method(NamedTuple):
    """A method, its arguments (made anew for each call), a whole answer, and the events of a streamed one."""

    resource: str
    name: str
    arguments: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]
    whole: Any
    streamed: tuple[Any, ...] = ()
    #: Spans that a good call leaves; a batch's methods and fetches leave none.
    spans: int = 1
    takes_session: bool = True


def _with(*args: Any, **kwargs: Any) -> Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]:
    return lambda: (
        args,
        {k: v() if callable(v) and not isinstance(v, type) else v for k, v in kwargs.items()},
    )


def _sound() -> Any:
    return ("a.wav", io.BytesIO(b"RIFF"), "audio/wav")


_RESPONSE_EVENTS = (
    {"type": "response.created", "sequence_number": 0, "response": {**RESPONSE, "status": "in_progress"}},
    {"type": "response.output_text.delta", "delta": "Hi", "sequence_number": 1},
    {"type": "response.completed", "sequence_number": 2, "response": RESPONSE},
)
_PLAIN: Any = {"id": "x-1", "model": "m", "output": [], "results": [], "answers": [], "usage": TOKENS}
_CHAT_EVENTS = (CHUNK, {**CHUNK, "choices": [{**PIECE, "delta": {}, "finish_reason": "stop"}]}, "[DONE]")
_IMAGE_EVENTS = ({"type": "image_generation.completed", "b64_json": "aGk=", "usage": TOKENS},)
_HEARD = ({"type": "transcript.text.done", "text": "Hello", "usage": TRANSCRIPT["usage"]},)

METHODS: dict[str, Method] = {
    f"{method.resource}.{method.name}": method
    for method in (
        Method(
            "chat.completions", "create", _with(model="gpt-4o-mini", messages=MESSAGES), CHAT, _CHAT_EVENTS
        ),
        Method("chat.completions", "parse", _with(model="m", messages=MESSAGES, response_format=Word), CHAT),
        Method("responses", "create", _with(model="gpt-4o-mini", input="Hello"), RESPONSE, _RESPONSE_EVENTS),
        Method("responses", "parse", _with(model="gpt-4o-mini", input="Hello"), RESPONSE),
        Method("beta.responses", "create", _with(model="m", input="Hello"), RESPONSE, _RESPONSE_EVENTS),
        Method("responses", "compact", _with(model="gpt-4o-mini", input="Hello"), _PLAIN),
        Method("responses", "retrieve", _with("resp_1"), RESPONSE, _RESPONSE_EVENTS, spans=0),
        Method("responses", "cancel", _with("resp_1"), RESPONSE, spans=0),
        Method("beta.responses", "retrieve", _with("resp_1"), RESPONSE, _RESPONSE_EVENTS, spans=0),
        Method("completions", "create", _with(model="m", prompt="Hello"), TEXT, (TEXT, "[DONE]")),
        Method("embeddings", "create", _with(model="m", input="Hello"), {**LIST, "usage": USAGE}),
        Method("moderations", "create", _with(input="Hello"), _PLAIN),
        Method("decisions", "create", _with(model="m", input="Hello", questions=[]), _PLAIN),
        Method("images", "generate", _with(model="m", prompt="A cat"), IMAGES, _IMAGE_EVENTS),
        Method("images", "edit", _with(model="m", prompt="A cat", image=b"png"), IMAGES, _IMAGE_EVENTS),
        Method("images", "create_variation", _with(model="m", image=b"png"), IMAGES),
        Method("audio.speech", "create", _with(model="tts-1", voice="alloy", input="Hello"), "sound"),
        Method("audio.transcriptions", "create", _with(model="m", file=_sound), TRANSCRIPT, _HEARD),
        Method("audio.translations", "create", _with(model="m", file=_sound), TRANSCRIPT),
        Method("videos", "create", _with(model="sora-2", prompt="A cat"), VIDEO),
        Method("videos", "remix", _with("video-0", prompt="A dog"), VIDEO),
        Method("videos", "edit", _with(video={"id": "video-0"}, prompt="A dog"), VIDEO),
        Method("videos", "extend", _with(video={"id": "video-0"}, prompt="A dog", seconds="4"), VIDEO),
        Method("batches", "retrieve", _with("batch_1"), BATCH, spans=0, takes_session=False),
        Method("batches", "cancel", _with("batch_1"), BATCH, spans=0, takes_session=False),
        Method(
            "batches",
            "list",
            _with(),
            {"object": "list", "data": [BATCH], "has_more": False},
            spans=0,
            takes_session=False,
        ),
        Method("files", "content", _with("file-1"), "{}\n", spans=0),
        Method("files", "retrieve_content", _with("file-1"), "{}\n", spans=0),
    )
}


def _but(whole: Any, **other: Any) -> Any:
    return {**whole, **other} if isinstance(whole, dict) else other


def odd_answers(whole: Any) -> dict[str, tuple[Answer, ...]]:
    """What a server answers to a request for `whole`, by turns; all after the last as the last one."""
    good = body(whole)
    busy = body({"error": {"message": "Busy.", "code": "c"}}, status=429, headers={"retry-after-ms": "1"})
    elsewhere = Answer(status=307, headers={"location": "https://api.openai.com/v1/elsewhere"})
    usages = ("10", [10, 5], 7, True, {}, {"prompt_tokens": "10"}, {"prompt_tokens": 1.5, "input_tokens": -1})
    return {
        "good": (good,),
        **{f"usage {usage}": (body(_but(whole, usage=usage)),) for usage in usages},
        "huge usage": (body(_but(whole, usage={"prompt_tokens": 10**30, "input_tokens": 10**400})),),
        "not a number": (body(_but(whole, usage={"prompt_tokens": float("nan"), "input_tokens": 1e999})),),
        "nulls": (body(dict.fromkeys(whole) if isinstance(whole, dict) else None),),
        "numbers": (body(dict.fromkeys(whole, 3) if isinstance(whole, dict) else 3),),
        "lists": (body({key: [None, 1, [], {}] for key in whole} if isinstance(whole, dict) else []),),
        "objects": (body({key: {"a": [1]} for key in whole} if isinstance(whole, dict) else {}),),
        "unknown fields": (body(_but(whole, http_response={}, _stream=True, parse=1, response=2, usages=3)),),
        "surrogates": (body(_but(whole, id="\ud800", model="\udfff", status="\ud800")),),
        "an error": (body(_but(whole, error={"message": "No.", "code": "c"})),),
        "only an error": (body({"error": "overloaded"}),),
        "a list": (body([whole]),),
        "a text": (body('"Hello"'),),
        "a number": (body("1"),),
        "null": (body("null"),),
        "nothing": (Answer((), 200),),
        "nothing, 204": (Answer((), 204, None),),
        "half": (good._replace(content=(good.content[0][:9],)),),
        "no JSON": (body("<html>", content_type="text/html"),),
        "no type": (good._replace(content_type=None),),
        "a wrong type": (good._replace(content_type="application/octet-stream"),),
        "events": (good._replace(content_type=EVENTS),),
        "not UTF-8": (good._replace(content=(b'{"id": "\xff"}',)),),
        "compressed": (good.gzipped(),),
        "said to be compressed": (good._replace(headers={"content-encoding": "gzip"}),),
        "in many pieces": (good._replace(content=tuple(bytes([byte]) for byte in good.content[0])),),
        "broken off": (good._replace(breaks=http.RemoteProtocolError("gone")),),
        "too slow": (Answer(breaks=http.ReadTimeout("slow")),),
        "not there": (Answer(breaks=http.ConnectError("nobody")),),
        "busy, then good": (busy, good),
        "busy, then broken, then good": (busy, Answer(breaks=http.ReadError("gone")), good),
        "busy": (busy,),
        "moved, then good": (elsewhere, good),
        "moved in a circle": (elsewhere,),
        "not modified": (Answer((), 304),),
        **{f"status {code}": (body({"error": {"message": "No."}}, status=code),) for code in (400, 401, 422)},
        "status 404, no JSON": (body("<html>", status=404, content_type="text/html"),),
    }


def odd_streams(good: tuple[Any, ...]) -> dict[str, Answer]:
    """What a server answers to a request for a stream of these events."""
    first = good[0]
    whole = events(*good)
    data = b"".join(whole.content)

    def said(text: bytes, **other: Any) -> Answer:
        return whole._replace(content=(text,), **other)

    odd: tuple[Any, ...] = (None, 1, "a", [], [1], {}, True, [None], [first])
    tool_calls = ([{}], [None], 5, [{"index": 0}], [{"function": None}], [{"function": {"arguments": None}}])
    return {
        "good": whole,
        "in one piece": said(data),
        "in many pieces": whole._replace(content=tuple(bytes([byte]) for byte in data)),
        "with CRLF": said(data.replace(b"\n", b"\r\n")),
        "with CR": said(data.replace(b"\n", b"\r")),
        "over several lines": said(data.replace(b"data: {", b"data: {\ndata: ")),
        "with comments and names": said(b": ping\n\nevent: x\nid: 1\nretry: 5\n" + data + b": pong\n\n"),
        "with the name of an error": said(b"event: error\n" + data),
        "of a thread": said(b"event: thread.run.created\n" + data),
        "without spaces": said(data.replace(b"data: ", b"data:")),
        "without an end": whole._replace(content=whole.content[:1]),
        "without the last line": said(data.rstrip(b"\n")),
        "cut in the middle": said(data[: len(data) // 2]),
        "broken off": whole._replace(content=whole.content[:1], breaks=http.ReadError("gone")),
        "broken off at once": said(b"", breaks=http.RemoteProtocolError("gone")),
        "too slow": whole._replace(content=whole.content[:1], breaks=http.ReadTimeout("slow")),
        "compressed": whole.gzipped(),
        "nothing": whole._replace(content=()),
        "only the end": events("[DONE]"),
        "after the end": events(*good, "[DONE]", first),
        "no type": whole._replace(content_type=None),
        "JSON": body(first),
        "an error": events(first, {"error": {"message": "No.", "code": "c"}}, first),
        "an error that is a text": events(first, {"error": "No."}),
        "an error's event": events(first, {"type": "error", "code": "c", "message": "No.", "param": None}),
        "no JSON": events(first, "{", first),
        "not UTF-8": said(b'data: {"id": "\xff"}\n\n'),
        "surrogates": events({**first, "id": "\ud800", "model": "\udc00", "delta": "\ud800"}, *good[1:]),
        "null usage": events({**first, "usage": None}, *good[1:]),
        "usage in each": events(*({**event, "usage": USAGE} for event in good if isinstance(event, dict))),
        "refused": body({"error": {"message": "No.", "type": "t"}}, status=400),
        **{f"an event that is {value!r:.9}": events(first, value, *good[1:]) for value in odd[1:]},
        **{
            f"{name} {value!r:.9}": events({**first, name: value}, first, *good[1:])
            for name in ("choices", "usage", "id", "type", "response", "delta")
            if name in first or name == "usage"
            for value in odd
        },
        **{
            f"delta {value!r:.9}": events({**first, "choices": [{"index": 0, "delta": value}]}, *good[1:])
            for value in (odd if "choices" in first else ())
        },
        **{
            f"tool calls {value!r}": events(
                {**first, "usage": None, "choices": [{"index": 0, "delta": {"tool_calls": value}}]}, *good[1:]
            )
            for value in (tool_calls if "choices" in first else ())
        },
        "no index": events({**first, "choices": [{"delta": {"content": "Hi"}}]}, *good[1:]),
        "an index that is a text": events({**first, "choices": [{**PIECE, "index": "a"}]}, *good[1:]),
        "reasons that are none": events({**first, "choices": [{**PIECE, "finish_reason": {"a": 1}}]}),
    }
