"""Conversations for a collector: customers, models, tags, errors, unpriced calls, tools, what was said."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.embedded import Store
from tests.support.otlp import SECOND, make_call, make_request, make_span

ENTITIES = (("customer", "acme-corp"), ("customer", "globex"), ("team", "search"), (None, None))
MODELS = ("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "o4-mini")
#: Names from outside that a page must show as text.
HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=document.title='owned'>",
    "x" * 200,
    "\u202eשלום مرحبا",
    "👩‍💻 ﷽ 😀",
    "a/b?c=d&e=f#g%2F..",
    "{{ 7*7 }}",
    "=HYPERLINK(1)",
)


def send(store: Store, *spans: Span) -> None:
    """Store `spans` as if they had arrived."""
    store.submit(read_request(make_request(*spans))).result()


def spans_of(
    session: str, entity: tuple[str | None, str | None], start: int, calls: int, seed: int
) -> Iterator[Span]:
    """The spans of one session from `start` on; the ids follow from `seed`, of which each needs its own."""
    chance = random.Random(seed)
    who = {"session.id": session, "infraprism.entity.type": entity[0], "infraprism.entity.id": entity[1]}
    for number in range(calls):
        number_of_span = seed * 100_000 + number * 2 + 1
        parts = [Decimal(chance.randint(1, 900_000)).scaleb(-8) for _ in range(2)]
        model = chance.choice(MODELS)
        values: dict[str, Any] = {
            **who,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.usage.input_tokens": chance.randint(10, 20_000),
            "gen_ai.usage.cache_read.input_tokens": chance.randint(0, 10),
            "gen_ai.usage.output_tokens": chance.randint(1, 2_000),
            "infraprism.cost.input": f"{parts[0]:f}",
            "infraprism.cost.output": f"{parts[1]:f}",
            "infraprism.cost.amount": f"{sum(parts):f}",
            "infraprism.tag.feature": chance.choice(("chatbot", "agent")),
        }
        is_error = chance.random() < 0.05
        if is_error or chance.random() < 0.05:
            nothing = dict.fromkeys(
                ("infraprism.cost.input", "infraprism.cost.output", "infraprism.cost.amount")
            )
            values |= {**nothing, "infraprism.cost.status": None if is_error else "unpriced"}
            values |= {"error.type": "RateLimitError"} if is_error else {"gen_ai.response.model": "llama-9"}
        if number == calls - 1:
            values["gen_ai.input.messages"] = json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": "What is <b>bold</b>?"}]}]
            )
        seconds = chance.random() * 6
        yield make_call(number_of_span, values, start=start, seconds=seconds, is_error=is_error)
        if chance.random() < 0.3:
            named = {name: value for name, value in who.items() if value is not None}
            after = start + int((seconds + 0.1) * SECOND)
            yield make_span(
                number_of_span + 1, named, start=after, seconds=0.4, name="execute_tool get_weather"
            )
        start += chance.choice((8, 15, 40, 90, 4000)) * SECOND


def fill(store: Store, now: int, *, sessions: int = 120, days: int = 25) -> None:
    """Store `sessions` of the days before `now` (Unix nanoseconds), and one with each hostile name."""
    chance = random.Random(7)
    spans: list[Span] = []
    for number in range(sessions):
        entity = chance.choice(ENTITIES)
        start = now - int(chance.uniform(0.3, days) * 86_400) * SECOND
        spans += spans_of(f"conv-{number}", entity, start, chance.randint(1, 8), seed=number + 1)
    for number, name in enumerate(HOSTILE):
        start = now - (number + 1) * 600 * SECOND
        values = {
            "session.id": name,
            "infraprism.entity.id": name,
            "infraprism.tag.feature": name,
            "gen_ai.response.model": name,
            "gen_ai.request.model": name,
        }
        spans.append(make_call(90_000_000 + number, values, start=start, name=name))
    send(store, *spans)
