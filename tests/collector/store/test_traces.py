"""Whose session a call is in, and which call carries the money, in whatever order a trace arrives."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.embedded import Store
from tests.support.otlp import make_call, make_request, make_span

FOREIGN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 500,
}
ACME = {"infraprism.entity.type": "customer", "infraprism.entity.id": "acme"}
GLOBEX = {"infraprism.entity.id": "globex"}


def part(number: int, parent: int, values: dict[str, Any], *, make: Any = make_span) -> Span:
    span: Span = make(number, values, parent=parent)
    span.trace_id = (1).to_bytes(16, "big")
    return span


def found(store: Store) -> list[Any]:
    with store.reader() as connection:
        return connection.execute(
            "SELECT span_id[-1:], session_id, entity_id, amount FROM calls ORDER BY span_id"
        ).fetchall()


def send(store: Store, *spans: Span) -> None:
    store.submit(read_request(make_request(*spans))).result()


#: An ignored span around two sessions; in the first one, a framework's span of a call around the client's,
#: with a tool between the session and both; a call outside of both; one that has an entity of its own.
TWO_SESSIONS = [
    part(1, 0, {}),
    part(2, 1, {"session.id": "s-1", **ACME}),
    part(3, 2, {"gen_ai.operation.name": "execute_tool"}),
    part(4, 3, FOREIGN),
    part(5, 4, FOREIGN),
    part(6, 1, {"session.id": "s-2"}),
    part(7, 6, FOREIGN),
    part(8, 1, FOREIGN),
    part(9, 3, FOREIGN | GLOBEX),
]
COST = Decimal("0.0075")
EXPECTED = [
    ("5", "s-1", "acme", COST),
    ("7", "s-2", None, COST),
    ("8", None, None, COST),
    ("9", "s-1", "globex", COST),
]


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_arrival_does_not_matter(tmp_path: Path, seed: int) -> None:
    order = random.Random(seed)
    spans = TWO_SESSIONS + order.choices(TWO_SESSIONS, k=3)
    order.shuffle(spans)
    store = Store(tmp_path / "test.duckdb")
    while spans:
        count = order.randint(1, 3)
        send(store, *spans[:count])
        spans = spans[count:]

    assert found(store) == EXPECTED
    store.close()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_trace_with_one_session_is_of_it_also_after_a_restart(tmp_path: Path, reverse: bool) -> None:
    spans = [part(2, 1, {"session.id": "s-1", **ACME}), part(4, 3, FOREIGN)]
    for span in reversed(spans) if reverse else spans:
        store = Store(tmp_path / "test.duckdb")
        send(store, span)
        store.close()

    store = Store(tmp_path / "test.duckdb")
    assert found(store) == [("4", "s-1", "acme", COST)]
    send(store, part(6, 1, {"session.id": "s-2"}))
    assert found(store) == [("4", None, None, COST)]
    store.close()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("outer", "inner", "left"),
    [
        (part(1, 0, {}, make=make_call), part(2, 1, FOREIGN), ["1"]),
        (part(1, 0, FOREIGN), part(2, 1, {}, make=make_call), ["2"]),
        (part(1, 0, FOREIGN), part(2, 1, FOREIGN | {"gen_ai.operation.name": "embeddings"}), ["1", "2"]),
        (part(1, 0, FOREIGN), part(2, 1, {"gen_ai.operation.name": "chat", "error.type": "429"}), ["1", "2"]),
        (part(1, 2, FOREIGN), part(2, 1, {"session.id": "s-1"}), ["1"]),
    ],
    ids=["around theirs", "inside of theirs", "another kind", "an attempt that failed", "in a circle"],
)
def test_calls_in_each_other_are_one(
    store: Store, outer: Span, inner: Span, left: list[str], reverse: bool
) -> None:
    for span in (inner, outer) if reverse else (outer, inner):
        send(store, span)

    assert [row[0] for row in found(store)] == left
    assert (store.calls_stored - store.calls_counted_elsewhere) == len(left)


def test_a_call_that_another_carries_stays_a_span_of_its_session(store: Store) -> None:
    spans = [part(1, 0, FOREIGN | {"session.id": "s-1"}), part(2, 1, FOREIGN)]
    send(store, *spans)
    send(store, *spans)

    assert [row[:2] for row in found(store)] == [("2", "s-1")]
    with store.reader() as connection:
        assert connection.execute("SELECT span_id[-1:], session_id FROM spans").fetchall() == [("1", "s-1")]
