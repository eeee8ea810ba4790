"""Usage that cannot be, or that is not there: what is left of it is billed, and the status says so."""

from __future__ import annotations

from typing import Any

from tests.support.worked import Case, cached, completion, response, tokens, used

TEXT = "input 1000 * 2.50 + output 500 * 10"


def odd(
    name: str,
    usage: Any,
    bill: str,
    status: str,
    model: str = "gpt-4o",
    url: str = "https://api.openai.com/v1",
) -> Case:
    return Case(f"odd: {name}", "chat", completion(model, usage), bill, status, url=url)


def prompt(count: Any) -> dict[str, Any]:
    return {"prompt_tokens": count, "completion_tokens": 500}


CASES = [
    odd("no usage", None, "", "unpriced"),
    odd("an empty usage", {}, "", "unpriced"),
    odd("a usage that is a text", "1000", "", "unpriced"),
    odd("a usage that is a list", [1000, 500], "", "unpriced"),
    odd("nothing was used", tokens(0, 0), "input 0 * 2.50 + output 0 * 10", "estimated"),
    odd("more cached than there was", cached(1000, 500, 1001), TEXT, "estimated"),
    odd("more reasoning than output", tokens(1000, 500, reasoning_tokens=501), TEXT, "estimated"),
    odd(
        "more audio than input",
        tokens(1000, 500, of_prompt={"audio_tokens": 1001}),
        TEXT,
        "estimated",
        "gpt-audio",
    ),
    odd("more spoken than output", tokens(1000, 500, audio_tokens=501), TEXT, "estimated", "gpt-audio"),
    odd("cached below nothing", cached(1000, 500, -1), TEXT, "estimated"),
    odd("details that are a list", {**tokens(1000, 500), "prompt_tokens_details": [600]}, TEXT, "priced"),
    odd("a total that nothing explains", {**tokens(1000, 500), "total_tokens": 9000}, TEXT, "partial"),
    odd("a total below the sum", {**tokens(1000, 500), "total_tokens": 3}, TEXT, "priced"),
    odd("a whole number with a point", prompt(1000.0), TEXT, "priced"),
    odd("a negative prompt", prompt(-1), "output 500 * 10", "partial"),
    odd("half a token", prompt(10.5), "output 500 * 10", "partial"),
    odd("a count that is a text", prompt("1000"), "output 500 * 10", "partial"),
    odd("a count that is true", prompt(True), "output 500 * 10", "partial"),
    odd("a count that is not a number", prompt(float("nan")), "output 500 * 10", "partial"),
    odd("a count without end", prompt(float("inf")), "output 500 * 10", "partial"),
    odd("a count beyond all counting", prompt(2**63), "output 500 * 10", "partial"),
    odd(
        "the greatest count",
        prompt(2**63 - 1),
        "input 9223372036854775807 * 2.50 + output 500 * 10",
        "priced",
    ),
    odd("no prompt", prompt(None), "output 500 * 10", "partial"),
    odd("no completion", {"prompt_tokens": 1000}, "input 1000 * 2.50", "partial"),
    odd("nothing that can be", {"prompt_tokens": -1, "completion_tokens": "many"}, "", "unpriced"),
    odd("a negative cost", {**tokens(1000, 500), "cost": -0.01}, TEXT, "estimated"),
    odd("a cost that is not a number", {**tokens(1000, 500), "cost": float("nan")}, TEXT, "estimated"),
    odd("a cost that is a text", {**tokens(1000, 500), "cost": "0.01"}, TEXT, "estimated"),
    odd("a cost that nothing costs", {**tokens(1000, 500), "cost": 1e13}, TEXT, "estimated"),
    Case(
        "odd: cached and written are more than the input",
        "response",
        response("gpt-5.6-sol", used(1000, 50, cached=600, written=500)),
        "input 400 * 4 + cache_read 600 * 0.40 + output 50 * 20",
        "estimated",
    ),
    Case(
        "odd: a length below nothing",
        "transcription",
        {"text": "Hi", "usage": {"type": "duration", "seconds": -7}},
        "",
        "unpriced",
        asked={"model": "whisper-1"},
    ),
    Case(
        "odd: a length beyond all measure",
        "transcription",
        {"text": "Hi", "duration": "1e999999"},
        "",
        "unpriced",
        asked={"model": "whisper-1"},
    ),
]
