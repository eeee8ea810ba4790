"""Worked cases: a reply as the API sends it, and what it costs, written as arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from infraprism.openai.charge import cost_of
from infraprism.openai.live import LIVE
from infraprism.openai.providers import read_server
from infraprism.openai.realtime import REALTIME, TRANSCRIPTION
from infraprism.openai.response import Reply
from infraprism.openai.surfaces import SURFACES
from infraprism.pricing import Cost
from infraprism.sessions import Identity

OPENAI = "https://api.openai.com/v1"
NOON = "2026-11-22T12:00:00+00:00"

_ROWS = {(surface.operation, surface.method, surface.resource): surface for surface in SURFACES}
#: Short name of a method → its row.
METHODS = {
    "chat": _ROWS["chat", "create", "Completions"],
    "response": _ROWS["chat", "create", "Responses"],
    "compaction": _ROWS["compaction", "compact", "Responses"],
    "text": _ROWS["text_completion", "create", "Completions"],
    "embeddings": _ROWS["embeddings", "create", "Embeddings"],
    "moderation": _ROWS["moderation", "create", "Moderations"],
    "decision": _ROWS["decision", "create", "Decisions"],
    "image": _ROWS["image_generation", "generate", "Images"],
    "speech": _ROWS["speech", "create", "Speech"],
    "transcription": _ROWS["transcription", "create", "Transcriptions"],
    "translation": _ROWS["translation", "create", "Translations"],
    "video": _ROWS["video_generation", "create", "Videos"],
    "realtime": REALTIME,
    "realtime transcription": TRANSCRIPTION,
    "live": LIVE,
}

#: Of how many a price is the price, where it is not of a million.
_PER = {"web_searches": 1000, "file_searches": 1000, "requests": 1000, "audio_seconds": 3600, "reported": 1}
_TERM = re.compile(r"(\w+) ([\d_.]+) \* ([\d_.]+(?: \* [\d_.]+)*)")


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        body: the reply; of a stream, the list of what comes.
        bill: the parts, each ``name quantity * price``, with a factor behind it where prices are adjusted;
            empty where there is no amount. Prices are as price pages have them: in USD, per million tokens
            or characters, per thousand searches or requests, per hour.
        asked: arguments of the request.
        prices: the text of a file of the user's own prices.
    """

    name: str
    method: str
    body: Any
    bill: str
    status: str = "priced"
    url: str = OPENAI
    asked: dict[str, Any] = field(default_factory=dict)
    at: str = NOON
    batch: bool = False
    entity: tuple[str | None, str | None] = (None, None)
    prices: str | None = None


@dataclass(frozen=True)
class Bill:
    """What a case costs, as fractions: each part's quantity, rate (of one) and amount; None is no amount."""

    amount: Fraction | None
    parts: dict[str, tuple[Fraction, Fraction, Fraction]]


def worked(bill: str) -> Bill:
    """Do the arithmetic of `Case.bill`, by fractions."""
    if not bill:
        return Bill(None, {})
    if bill == "nothing":
        return Bill(Fraction(0), {})
    parts = {}
    for term in bill.split(" + "):
        match = _TERM.fullmatch(term)
        assert match is not None, term
        name, quantity, price = match[1], Fraction(match[2].replace("_", "")), Fraction(1)
        for factor in match[3].split(" * "):
            price *= Fraction(factor)
        per = _PER.get(name, 10**6)
        amount = quantity * price / per
        if name == "audio_seconds":  # rounded, and its rate is that of an hour
            amount, per = round(amount, 12), 1
        parts[name] = (quantity, price / per, amount)
    return Bill(sum((amount for _, _, amount in parts.values()), Fraction(0)), parts)


def found(cost: Cost) -> Bill:
    """What we say that it costs."""
    return Bill(
        None if cost.amount is None else Fraction(cost.amount),
        {
            part.name: (Fraction(part.quantity), Fraction(part.rate), Fraction(part.amount))
            for part in cost.parts
        },
    )


def cost_of_case(case: Case, body: Any) -> Cost:
    """The cost of a call whose reply is `body`, by the way that every call goes once its reply is there."""
    surface = METHODS[case.method]
    reply = Reply()
    if surface.billed is not None:
        reply.quantities = surface.billed(case.asked)
    if surface.unpriced is not None:
        reply.billed_items = surface.unpriced(case.asked)
    if isinstance(body, list):
        for chunk in body:
            surface.chunk(chunk, reply)
    else:
        surface.response(body, reply)
    return cost_of(
        surface,
        read_server(case.url),
        Identity(None, *case.entity),
        reply,
        reply.usage(),
        asked_model=case.asked.get("model"),
        at=datetime.fromisoformat(case.at),
        batch=case.batch,
    )


# Replies as OpenAI sends them


def completion(model: str | None, usage: Any, **more: Any) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1795348800,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        **more,
    }


def tokens(
    prompt: int, completion: int, *, of_prompt: dict[str, Any] | None = None, **of_completion: Any
) -> dict[str, Any]:
    """The usage of a chat completion, with details of the prompt and of the completion."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0, **(of_prompt or {})},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
            **of_completion,
        },
    }


def cached(prompt: int, completion: int, count: int, **of_completion: Any) -> dict[str, Any]:
    """The usage of a chat completion, `count` tokens of whose prompt were cached."""
    return tokens(prompt, completion, of_prompt={"cached_tokens": count}, **of_completion)


def response(model: str, usage: Any, *output: Any, **more: Any) -> dict[str, Any]:
    """A response of the Responses API with a message and whatever else is in its `output`."""
    content = [{"type": "output_text", "text": "Hi", "annotations": []}]
    message = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant"}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1795348800,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [*output, {**message, "content": content}],
        "service_tier": "default",
        "usage": usage,
        **more,
    }


def used(
    inputs: int, outputs: int, *, cached: int = 0, written: int | None = None, reasoning: int = 0
) -> dict[str, Any]:
    """The usage of a response of the Responses API."""
    details = {"cached_tokens": cached} | ({} if written is None else {"cache_write_tokens": written})
    return {
        "input_tokens": inputs,
        "input_tokens_details": details,
        "output_tokens": outputs,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": inputs + outputs,
    }
