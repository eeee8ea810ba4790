"""The user's own prices: models, contracts, discounts and mark-ups, from a day on."""

from __future__ import annotations

from typing import Any

from tests.pricing.worked.tools import SEARCH
from tests.support.worked import Case, cached, completion, response, tokens, used

PLAIN = tokens(1000, 500)
ACME, SEARCH_TEAM = ("customer", "acme-corp"), ("team", "search")
INTERNAL = "https://llm.internal/v1"
AZURE = "https://acme.openai.azure.com/openai/deployments/prod-chat/"
PRICES = """
[[prices]]
provider = "openai"
model = "gpt-4o"
from = 2026-11-01
until = 2027-01-01
input = "2"
output = "8"

[[prices]]
provider = "openai"
model = "gpt-4o"
batch = true
input = "0.75"
output = "3"

[[prices]]
provider = "openai"
model = "gpt-4o"
entity_type = "customer"
entity_id = "acme-corp"
input = "1.875"
cached_input = "0.5"
output = "7.5"

[[prices]]
provider = "openai"
model = "gpt-5"
service_tier = "priority"
input = "2"
output = "16"

[[prices]]
provider = "openai"
model = "gpt-5.4"
input = "2"
cached_input = "0.20"
output = "12"
long_context = [{ above = 100000, input = "3", cached_input = "0.30", output = "18" }]

[[prices]]
provider = "llm.internal"
model = ["llama-4-70b", "llama-4-70b-*"]
input = "0.20"
output = "0.80"

[[prices]]
provider = "llm.internal"
model = "embed-small"
free = true

[[aliases]]
provider = "azure.ai.openai"
name = "prod-chat"
model = "gpt-4.1"

[[adjustments]]
entity_type = "team"
entity_id = "search"
percent = "-15"

[[adjustments]]
entity_type = "customer"
provider = "openai"
model = "gpt-5-mini"
percent = "7.5"

[[adjustments]]
entity_type = "team"
entity_id = "sponsored"
percent = "-100"
"""
LIST = "input 1000 * 2.50 + output 500 * 10"


def own(name: str, model: str | None, usage: Any, bill: str, status: str = "priced", **more: Any) -> Case:
    tier = more.pop("service_tier", "default")
    body = completion(model, usage, service_tier=tier)
    return Case(f"own prices: {name}", "chat", body, bill, status, prices=PRICES, **more)


CASES = [
    own("of a model of the list", "gpt-4o-2024-08-06", PLAIN, "input 1000 * 2 + output 500 * 8"),
    own(
        "cached input without a price is input",
        "gpt-4o",
        cached(1000, 500, 600),
        "input 1000 * 2 + output 500 * 8",
    ),
    own("before they hold", "gpt-4o", PLAIN, LIST, at="2026-10-31T23:59:59+00:00"),
    own(
        "from their first moment",
        "gpt-4o",
        PLAIN,
        "input 1000 * 2 + output 500 * 8",
        at="2026-11-01T00:00:00+00:00",
    ),
    own("when they hold no more", "gpt-4o", PLAIN, LIST, at="2027-01-01T00:00:00+00:00"),
    own("in batches", "gpt-4o", PLAIN, "input 1000 * 0.75 + output 500 * 3", batch=True),
    own(
        "batches of another model are the list's",
        "gpt-5",
        PLAIN,
        "input 1000 * 0.625 + output 500 * 5",
        batch=True,
    ),
    own("at a tier", "gpt-5", PLAIN, "input 1000 * 2 + output 500 * 16", service_tier="priority"),
    own("at another tier", "gpt-5", PLAIN, "input 1000 * 0.625 + output 500 * 5", service_tier="flex"),
    own(
        "the standard ones are not the tier's",
        "gpt-4o",
        PLAIN,
        "input 1000 * 4.25 + output 500 * 17",
        service_tier="priority",
    ),
    own(
        "a contract",
        "gpt-4o",
        cached(1000, 500, 600),
        "input 400 * 1.875 + cache_read 600 * 0.50 + output 500 * 7.50",
        entity=ACME,
    ),
    own(
        "another customer's contract",
        "gpt-4o",
        PLAIN,
        "input 1000 * 2 + output 500 * 8",
        entity=("customer", "globex"),
    ),
    own("a long prompt", "gpt-5.4", tokens(100_001, 10), "input 100_001 * 3 + output 10 * 18"),
    own("a prompt that is not long", "gpt-5.4", tokens(100_000, 10), "input 100_000 * 2 + output 10 * 12"),
    own(
        "a server of one's own",
        "llama-4-70b-instruct",
        PLAIN,
        "input 1000 * 0.20 + output 500 * 0.80",
        url=INTERNAL,
    ),
    own("another model there", "llama-4-8b", PLAIN, "", "unpriced", url=INTERNAL),
    own("a model that costs nothing", "embed-small", PLAIN, "nothing", "free", url=INTERNAL),
    own(
        "a deployment",
        None,
        PLAIN,
        "input 1000 * 2 + output 500 * 8",
        url=AZURE,
        asked={"model": "prod-chat"},
    ),
    own(
        "a discount on the list",
        "gpt-5",
        cached(1000, 500, 600),
        "input 400 * 1.25 * 0.85 + cache_read 600 * 0.125 * 0.85 + output 500 * 10 * 0.85",
        entity=SEARCH_TEAM,
    ),
    own(
        "a discount on one's own",
        "gpt-4o",
        PLAIN,
        "input 1000 * 2 * 0.85 + output 500 * 8 * 0.85",
        entity=SEARCH_TEAM,
    ),
    own(
        "a discount at a tier",
        "gpt-4o",
        PLAIN,
        "input 1000 * 4.25 * 0.85 + output 500 * 17 * 0.85",
        entity=SEARCH_TEAM,
        service_tier="priority",
    ),
    own(
        "a mark-up for every customer",
        "gpt-5-mini",
        PLAIN,
        "input 1000 * 0.25 * 1.075 + output 500 * 2 * 1.075",
        entity=("customer", "globex"),
    ),
    own(
        "no mark-up for a team",
        "gpt-5-mini",
        PLAIN,
        "input 1000 * 0.25 + output 500 * 2",
        entity=("team", "web"),
    ),
    own(
        "all of it is given",
        "gpt-5-mini",
        PLAIN,
        "input 1000 * 0 + output 500 * 0",
        "free",
        entity=("team", "sponsored"),
    ),
    own(
        "a cost of the provider's is left as it is",
        "openai/gpt-4o",
        {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.02},
        "reported 1 * 0.02",
        entity=SEARCH_TEAM,
        url="https://openrouter.ai/api/v1",
    ),
    Case(
        "own prices: a discount on a search",
        "response",
        response("gpt-5", used(1000, 500), SEARCH),
        "input 1000 * 1.25 * 0.85 + output 500 * 10 * 0.85 + web_searches 1 * 10 * 0.85",
        entity=SEARCH_TEAM,
        prices=PRICES,
    ),
    Case(
        "own prices: a discount on an hour",
        "transcription",
        {"text": "Hi", "usage": {"type": "duration", "seconds": 7}},
        "audio_seconds 7 * 0.36 * 0.85",
        asked={"model": "whisper-1"},
        entity=SEARCH_TEAM,
        prices=PRICES,
    ),
    Case(
        "own prices: a search without a price is a floor",
        "response",
        response("gpt-4o", used(1000, 500), SEARCH),
        "input 1000 * 2 + output 500 * 8",
        "partial",
        prices=PRICES,
    ),
]
