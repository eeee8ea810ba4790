"""What pricing a call takes, beside genai-prices itself, the list that the prices are from.

Each row prices one call over and over by ours and by plain `genai_prices.calc_price`, in this process and
taking turns; both have their usage already, as each of them wants it, and are warm. A number is the median
of rounds, in microseconds of the thread's CPU time, so that what else the machine does is not counted. A
price file of one's own is something that `calc_price` does not have: those rows are beside its price by the
list. To read the usage from the reply is a row of its own, beside `genai_prices.extract_usage`.

    uv run python benchmarks/pricing.py [--rounds 25]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

import genai_prices

from infraprism import pricing
from infraprism.pricing.book_text import parse

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
AIM = 0.1
#: Calls a round, ours and theirs: some ten milliseconds of each.
OURS, THEIRS = 4000, 200
BOOK = parse(
    """
[[prices]]
provider = "openai"
model = "gpt-4o"
input = "2"
cached_input = "1"
output = "8"

[[adjustments]]
entity_type = "customer"
entity_id = "acme-corp"
percent = "-15"
""",
    "prices.toml",
)
ACME = ("customer", "acme-corp")


def chat(prompt: int, completion: int, cached: int = 0) -> dict[str, Any]:
    """The usage of a chat completion."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


@dataclass(frozen=True)
class Row:
    """One kind of call."""

    name: str
    model: str
    usage: dict[str, Any]
    book: pricing.Book | None = None
    entity: pricing.Entity | None = None

    def ours(self) -> Callable[[], Any]:
        usage = pricing.read(self.usage)
        options = {"provider": "openai", "model": self.model, "service_tier": "default", "at": AT}
        return partial(pricing.price, usage, **options, entity=self.entity)

    def theirs(self) -> Callable[[], Any]:
        usage = genai_prices.Usage(
            input_tokens=self.usage["prompt_tokens"],
            output_tokens=self.usage["completion_tokens"],
            cache_read_tokens=self.usage["prompt_tokens_details"]["cached_tokens"] or None,
        )
        options = {"provider_id": "openai", "genai_request_timestamp": AT}
        return partial(genai_prices.calc_price, usage, self.model, **options)


PRICED = (
    Row("chat", "gpt-4o-2024-08-06", chat(1000, 500)),
    Row("cached input", "gpt-4o-2024-08-06", chat(1000, 500, cached=600)),
    Row("long context", "gpt-5.4", chat(278_476, 630, cached=7_936)),
    Row("own price file, a model of its own", "gpt-4o-2024-08-06", chat(1000, 500, cached=600), BOOK),
    Row("own price file, by the list", "gpt-5.4", chat(278_476, 630, cached=7_936), BOOK),
    Row("discount of an entity", "gpt-5.4", chat(278_476, 630, cached=7_936), BOOK, ACME),
)


def microseconds(action: Callable[[], Any], times: int) -> float:
    """CPU time of this thread that `action` takes, on average of `times`."""
    began = time.thread_time()
    for _ in range(times):
        action()
    return (time.thread_time() - began) / times * 1e6


def reading() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """To read the usage of a reply, by ours and by theirs."""
    reply = {"model": "gpt-4o-2024-08-06", "usage": chat(1000, 500, cached=600)}
    theirs = partial(genai_prices.extract_usage, reply, provider_id="openai", api_flavor="chat")
    return partial(pricing.read, reply["usage"]), theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    actions = {row.name: (row.book, row.ours(), row.theirs()) for row in PRICED}
    actions["reading the usage"] = (None, *reading())
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in actions}
    for number in range(rounds + 1):
        for name, (book, ours, theirs) in actions.items():
            pricing.use(book)
            times = microseconds(ours, OURS), microseconds(theirs, THEIRS)
            if number:  # the first one warms up
                for taken, each in zip(found[name], times, strict=True):
                    taken.append(each)
    print(f"medians of {rounds} rounds, µs; {pricing.version()}")
    print(f"{'':36}{'ours':>8}{'genai-prices':>14}{'ratio':>8}")
    for name, (ours, theirs) in found.items():
        print(f"{name:36}{median(ours):8.2f}{median(theirs):14.1f}{median(ours) / median(theirs):8.3f}")
    worst = max(median(found[row.name][0]) / median(found[row.name][1]) for row in PRICED)
    print(
        f"{'met' if worst <= AIM else 'MISSED':7}{worst:.3f}, aim {AIM}: of the row with the greatest ratio"
    )


if __name__ == "__main__":
    main()
