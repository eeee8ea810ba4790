"""The exchange that is measured: one chat call, answered whole or in chunks."""

from __future__ import annotations

import json
from typing import Any

CHUNKS = 300
QUESTION = "What is Python?"
REQUEST: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": QUESTION}]}
STREAMED: dict[str, Any] = {**REQUEST, "stream": True, "stream_options": {"include_usage": True}}

_USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 256, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024-08-06"}


def whole() -> bytes:
    """The answer in one piece."""
    message = {"role": "assistant", "content": "A programming language.", "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    body = {
        **_HEAD,
        "object": "chat.completion",
        "service_tier": "default",
        "choices": [choice],
        "usage": _USAGE,
    }
    return json.dumps(body).encode()


def streamed() -> bytes:
    """The answer in `CHUNKS` chunks."""
    head = {**_HEAD, "object": "chat.completion.chunk"}
    word = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    chunks: list[dict[str, Any]] = [{**head, "choices": [word], "usage": None}] * (CHUNKS - 2)
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    chunks.append({**head, "choices": [], "usage": _USAGE})
    return b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
