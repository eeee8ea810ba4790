"""Text at OpenAI: models and their names, cached input, reasoning, long prompts, tiers, batches, dates."""

from __future__ import annotations

from tests.support.worked import Case, cached, completion, response, tokens, used

#: 1,000 tokens in, 500 out.
PLAIN = tokens(1000, 500)


def named(model: str, prices: str, method: str = "chat") -> Case:
    """A plain call of `model`, whose price page says `prices` for input and output."""
    paid_in, paid_out = prices.split(" / ")
    body = response(model, used(1000, 500)) if method == "response" else completion(model, PLAIN)
    return Case(model, method, body, f"input 1000 * {paid_in} + output 500 * {paid_out}")


def by_tier(model: str, tier: str | None, bill: str, **more: str) -> Case:
    """A call with 600 cached tokens of 1,000, served at `tier`."""
    body = completion(model, cached(1000, 500, 600), service_tier=tier)
    return Case(
        f"{model} at {tier}{more.get('at', '')}", "chat", body, bill, "priced" if bill else "unpriced", **more
    )


def in_batch(name: str, model: str, usage: object, bill: str, at: str = "2026-11-22T12:00:00+00:00") -> Case:
    status = "priced" if bill else "unpriced"
    return Case(f"batch: {name}", "chat", completion(model, usage), bill, status, batch=True, at=at)


MODELS = [
    named("gpt-4o", "2.50 / 10"),
    named("gpt-4o-2024-11-20", "2.50 / 10"),
    named("gpt-4o-2024-05-13", "5 / 15"),
    named("gpt-4o-mini-2024-07-18", "0.15 / 0.60"),
    named("chatgpt-4o-latest", "5 / 15"),
    named("gpt-4.1-2025-04-14", "2 / 8"),
    named("gpt-4.1-mini-2025-04-14", "0.40 / 1.60"),
    named("gpt-4.1-nano-2025-04-14", "0.10 / 0.40"),
    named("gpt-5-2025-08-07", "1.25 / 10"),
    named("gpt-5-mini-2025-08-07", "0.25 / 2"),
    named("gpt-5-nano-2025-08-07", "0.05 / 0.40"),
    named("gpt-5-chat-latest", "1.25 / 10"),
    named("gpt-5-pro-2025-10-06", "15 / 120", "response"),
    named("gpt-5-codex", "1.25 / 10", "response"),
    named("codex-mini-latest", "1.50 / 6", "response"),
    named("computer-use-preview", "3 / 12", "response"),
    named("gpt-5.1-2025-11-13", "1.25 / 10"),
    named("gpt-5.2-2025-12-11", "1.75 / 14"),
    named("gpt-5.4-2026-03-05", "2.50 / 15"),
    named("o1-2024-12-17", "15 / 60"),
    named("o3-mini-2025-01-31", "1.10 / 4.40"),
    named("o3-2025-04-16", "2 / 8"),
    named("o3-pro-2025-06-10", "20 / 80", "response"),
    named("o4-mini-2025-04-16", "1.10 / 4.40"),
    named("gpt-4-0613", "30 / 60"),
    named("gpt-4-turbo-2024-04-09", "10 / 30"),
    named("gpt-3.5-turbo-0125", "0.50 / 1.50"),
    named("gpt-3.5-turbo-instruct", "1.50 / 2", "text"),
    named("ft:gpt-4o-2024-08-06:acme:support:9aBcDeF", "3.75 / 15"),
    named("ft:gpt-4o-mini-2024-07-18:acme::9aBcDeF", "0.30 / 1.20"),
    named("ft:gpt-3.5-turbo-0125:acme::9aBcDeF", "3 / 6"),
    # Another price than that of the model it was made of, which the list does not have.
    Case("ft:gpt-4.1", "chat", completion("ft:gpt-4.1-2025-04-14:acme::9aB", PLAIN), "", "unpriced"),
    Case("a model of tomorrow", "chat", completion("gpt-9", PLAIN), "", "unpriced"),
    Case("a name in capitals", "chat", completion("GPT-4o", PLAIN), "input 1000 * 2.50 + output 500 * 10"),
    Case(
        "a reply that names no model was served by the one that was asked for",
        "chat",
        completion(None, PLAIN),
        "input 1000 * 2.50 + output 500 * 10",
        asked={"model": "gpt-4o"},
    ),
    Case(
        "the model that served, not the one that was asked for",
        "chat",
        completion("gpt-4o-mini-2024-07-18", PLAIN),
        "input 1000 * 0.15 + output 500 * 0.60",
        asked={"model": "gpt-4o"},
    ),
]

PARTS = [
    Case(
        "cached input is a part of the input",
        "chat",
        completion("gpt-4o-2024-08-06", cached(1000, 500, 600)),
        "input 400 * 2.50 + cache_read 600 * 1.25 + output 500 * 10",
    ),
    Case(
        "all of the input was cached",
        "chat",
        completion("gpt-4o-2024-08-06", cached(1000, 500, 1000)),
        "input 0 * 2.50 + cache_read 1000 * 1.25 + output 500 * 10",
    ),
    Case(
        "cached at a tenth",
        "response",
        response("gpt-5-2025-08-07", used(2006, 300, cached=1920, reasoning=192)),
        "input 86 * 1.25 + cache_read 1920 * 0.125 + output 300 * 10",
    ),
    Case(
        "cached input of o1",
        "chat",
        completion("o1-2024-12-17", cached(1500, 800, 1024, reasoning_tokens=640)),
        "input 476 * 15 + cache_read 1024 * 7.50 + output 800 * 60",
    ),
    Case(
        "cached input of a model without a price for it",
        "chat",
        completion("gpt-4-turbo-2024-04-09", cached(1000, 500, 600)),
        "input 1000 * 10 + output 500 * 30",
    ),
    Case(
        "input written to the cache",
        "response",
        response("gpt-5.6-sol", used(1000, 50, cached=600, written=300)),
        "input 100 * 4 + cache_read 600 * 0.40 + cache_write 300 * 5 + output 50 * 20",
    ),
    Case(
        "input written to the cache at no price of its own",
        "response",
        response("gpt-5.4-2026-03-05", used(1000, 50, written=300)),
        "input 1000 * 2.50 + output 50 * 15",
    ),
    Case(
        "reasoning is a part of the output",
        "chat",
        completion("gpt-5-2025-08-07", tokens(1000, 500, reasoning_tokens=300)),
        "input 1000 * 1.25 + output 500 * 10",
    ),
    Case(
        "nothing but reasoning",
        "response",
        response("o3-2025-04-16", used(75, 1024, reasoning=1024), status="incomplete"),
        "input 75 * 2 + output 1024 * 8",
    ),
    Case(
        "predicted tokens that were rejected are a part of the output",
        "chat",
        completion("gpt-4o-2024-08-06", tokens(100, 500, rejected_prediction_tokens=120)),
        "input 100 * 2.50 + output 500 * 10",
    ),
    Case(
        "no output",
        "chat",
        completion("gpt-4o-2024-08-06", tokens(1000, 0)),
        "input 1000 * 2.50 + output 0 * 10",
    ),
    Case(
        "a stream, by its last chunk",
        "chat",
        [
            completion("gpt-4o-2024-08-06", None, object="chat.completion.chunk"),
            completion("gpt-4o-2024-08-06", cached(1000, 500, 600), choices=[]),
        ],
        "input 400 * 2.50 + cache_read 600 * 1.25 + output 500 * 10",
    ),
    Case(
        "a stream of a response, by its last event",
        "response",
        [
            {"type": "response.created", "response": response("gpt-5", None, status="in_progress")},
            {"type": "response.output_text.delta", "delta": "Hi"},
            {
                "type": "response.completed",
                "response": response("gpt-5", used(1000, 500), service_tier="flex"),
            },
        ],
        "input 1000 * 0.625 + output 500 * 5",
    ),
    Case(
        "a compaction",
        "compaction",
        {"id": "resp_2", "object": "response.compaction", "model": "gpt-5.4", "usage": used(4000, 600)},
        "input 4000 * 2.50 + output 600 * 15",
        asked={"model": "gpt-5.4"},
    ),
]


def long(name: str, model: str, usage: object, bill: str, tier: str = "default") -> Case:
    return Case(f"long prompt: {name}", "response", response(model, usage, service_tier=tier), bill)


LONG = [
    long("at the limit", "gpt-5.4", used(272_000, 1000), "input 272_000 * 2.50 + output 1000 * 15"),
    long("one above it", "gpt-5.4", used(272_001, 1000), "input 272_001 * 5 + output 1000 * 22.50"),
    long(
        "the cached part counts",
        "gpt-5.4",
        used(272_001, 1000, cached=200_000),
        "input 72_001 * 5 + cache_read 200_000 * 0.50 + output 1000 * 22.50",
    ),
    long(
        "at the limit with a cached part",
        "gpt-5.4",
        used(272_000, 1000, cached=200_000),
        "input 72_000 * 2.50 + cache_read 200_000 * 0.25 + output 1000 * 15",
    ),
    long(
        "all of it cached",
        "gpt-5.4",
        used(300_000, 1000, cached=300_000),
        "input 0 * 5 + cache_read 300_000 * 0.50 + output 1000 * 22.50",
    ),
    long("output does not count", "gpt-5.4", used(1000, 300_000), "input 1000 * 2.50 + output 300_000 * 15"),
    long(
        "written to the cache",
        "gpt-5.6-sol",
        used(272_001, 10, written=272_001),
        "input 0 * 8 + cache_write 272_001 * 10 + output 10 * 30",
    ),
    long("no limit", "gpt-4.1", used(1_000_000, 1000), "input 1_000_000 * 2 + output 1000 * 8"),
    long("flex", "gpt-5.4", used(272_001, 10), "input 272_001 * 2.50 + output 10 * 11.25", "flex"),
    long(
        "priority, at the limit",
        "gpt-5.4",
        used(272_000, 10),
        "input 272_000 * 5 + output 10 * 30",
        "priority",
    ),
]

TIERS = [
    by_tier("gpt-4o", None, "input 400 * 2.50 + cache_read 600 * 1.25 + output 500 * 10"),
    by_tier("gpt-4o", "default", "input 400 * 2.50 + cache_read 600 * 1.25 + output 500 * 10"),
    by_tier("gpt-4o", "auto", "input 400 * 2.50 + cache_read 600 * 1.25 + output 500 * 10"),
    by_tier("gpt-4o", "priority", "input 400 * 4.25 + cache_read 600 * 2.125 + output 500 * 17"),
    by_tier("gpt-5", "flex", "input 400 * 0.625 + cache_read 600 * 0.0625 + output 500 * 5"),
    by_tier("gpt-5", "priority", "input 400 * 2.50 + cache_read 600 * 0.25 + output 500 * 20"),
    by_tier("gpt-5", "fast", "input 400 * 2.50 + cache_read 600 * 0.25 + output 500 * 20"),
    by_tier("gpt-5.4", "flex", "input 400 * 1.25 + cache_read 600 * 0.13 + output 500 * 7.50"),
    by_tier("o3", "priority", "input 400 * 3.50 + cache_read 600 * 0.875 + output 500 * 14"),
    by_tier("o4-mini", "flex", "input 400 * 0.55 + cache_read 600 * 0.138 + output 500 * 2.20"),
    by_tier("gpt-4o", "flex", ""),  # not offered
    by_tier("gpt-4o", "scale", ""),  # by contract
    by_tier("gpt-5", "a tier of tomorrow", ""),
    by_tier("gpt-5", "flex", "", at="2026-10-11T23:59:59+00:00"),  # not on the list yet
    Case(
        "asked for flex, served by default",
        "chat",
        completion("gpt-5", PLAIN),
        "input 1000 * 1.25 + output 500 * 10",
        asked={"model": "gpt-5", "service_tier": "flex"},
    ),
]

BATCHES = [
    in_batch("gpt-4o", "gpt-4o-2024-08-06", PLAIN, "input 1000 * 1.25 + output 500 * 5"),
    in_batch("gpt-4o-mini", "gpt-4o-mini-2024-07-18", PLAIN, "input 1000 * 0.075 + output 500 * 0.30"),
    in_batch(
        "cached",
        "gpt-5",
        cached(1000, 500, 600),
        "input 400 * 0.625 + cache_read 600 * 0.0625 + output 500 * 5",
    ),
    in_batch("long", "gpt-5.4", tokens(272_001, 10), "input 272_001 * 2.50 + output 10 * 11.25"),
    in_batch(
        "fine-tuned", "ft:gpt-4o-mini-2024-07-18:acme::9aB", PLAIN, "input 1000 * 0.15 + output 500 * 0.60"
    ),
    in_batch("not offered", "gpt-audio", PLAIN, ""),
    in_batch("not on the list yet", "gpt-4o", PLAIN, "", "2026-10-13T23:59:59+00:00"),
]

DATES = [
    Case(
        "o3 in its last second at the old price",
        "chat",
        completion("o3-2025-04-16", PLAIN),
        "input 1000 * 10 + output 500 * 40",
        at="2025-06-09T23:59:59+00:00",
    ),
    Case(
        "o3 in its first at the new one",
        "chat",
        completion("o3-2025-04-16", PLAIN),
        "input 1000 * 2 + output 500 * 8",
        at="2025-06-10T00:00:00+00:00",
    ),
    Case(
        "the same moment by another clock",
        "chat",
        completion("o3-2025-04-16", PLAIN),
        "input 1000 * 10 + output 500 * 40",
        at="2025-06-10T01:59:59+02:00",
    ),
]

CASES = [*MODELS, *PARTS, *LONG, *TIERS, *BATCHES, *DATES]
