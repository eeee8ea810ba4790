"""Calls of many threads, tasks and processes at once: none is lost, none is counted twice."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections import Counter
from decimal import Decimal
from typing import Any

import openai

from infraprism.tracing import Totals, attach
from tests.support.calls import Recording
from tests.support.exchanges import CHAT, CHUNK, MESSAGES, USAGE
from tests.support.script import Answer, Script, body, events

THREADS, ROUNDS = 32, 12
#: $0.15 and $0.60 a million: 10 tokens in, 5 out.
EACH = Decimal("0.0000045")
WHO: Any = {"session_id": "s-1"}
STREAM = events(CHUNK, {**CHUNK, "choices": [], "usage": USAGE}, "[DONE]")


def asking(answer: Answer) -> Any:
    return Script(answer).client().chat.completions


def mixed(rounds: int) -> None:
    whole, stream, refused = asking(body(CHAT)), asking(STREAM), asking(body({}, status=400))
    options: Any = {"model": "gpt-4o-mini", "messages": MESSAGES, **WHO}
    for _ in range(rounds):
        whole.create(**options)
        list(stream.create(stream=True, **options))
        try:
            refused.create(**options)
        except openai.BadRequestError:
            continue


def statuses(recording: Recording) -> Counter[Any]:
    return Counter(span["attributes"].get("infraprism.cost.status") for span in recording.spans)


def total() -> Any:
    return attach.process_ledger[(None, None, "s-1")]


def test_threads_add_up(recording: Recording) -> None:
    threads = [threading.Thread(target=mixed, args=(ROUNDS,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    calls = THREADS * ROUNDS
    assert statuses(recording) == {"priced": 2 * calls, None: calls}
    assert total() == Totals(2 * calls * EACH, 2 * calls)


def _in_a_child(recording: Recording, before: Any) -> None:
    spans = len(recording.spans)
    mixed(3)
    added = total().cost - before.cost
    os._exit(0 if added == 6 * EACH and len(recording.spans) == spans + 9 else 1)


def test_a_fork_in_the_middle_adds_up(recording: Recording) -> None:
    mixed(ROUNDS)
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_in_a_child, args=(recording, total()))
    child.start()
    mixed(ROUNDS)
    child.join(60)
    assert child.exitcode == 0
    calls = 2 * ROUNDS
    assert statuses(recording) == {"priced": 2 * calls, None: calls}
    assert total() == Totals(2 * calls * EACH, 2 * calls)


async def test_500_streams_at_once_add_up(recording: Recording) -> None:
    client = Script(STREAM).async_client()

    async def one(number: int) -> None:
        stream = await client.chat.completions.create(
            model="gpt-4o-mini", messages=MESSAGES, stream=True, **WHO
        )
        await asyncio.sleep(0)
        async for _ in stream:
            await asyncio.sleep(0)
            if number % 5 == 0:
                await stream.close()
                break

    await asyncio.gather(*map(one, range(500)))
    assert statuses(recording) == {"priced": 400, "estimated": 100}
    assert total().turns == 500
