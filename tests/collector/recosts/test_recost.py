"""`POST /v1/analytics/recosts`: what was stored is priced again, once, all of it or nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.recosts import recost_answers
from infraprism.collector.store import history
from infraprism.collector.store.clickhouse.recosting import ClickHouseRecosting
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.recosting import EmbeddedRecosting
from infraprism.pricing import quotes, version
from infraprism.pricing.book_text import parse
from tests.support.otlp import SECOND, make_call, make_span
from tests.support.repriced import (
    CHEAPER,
    RECOSTS,
    SINCE,
    call_path,
    exact,
    make_billed,
    make_unpriced,
    priced_client,
    send,
)

D = Decimal


@pytest.fixture
def cheaper(store: Store, tmp_path: Path) -> TestClient:
    return priced_client(store, tmp_path)


def costs(client: TestClient, session: str = "s-1") -> list[tuple[Any, str]]:
    calls = exact(client.get(f"/v1/analytics/sessions/{session}"))["calls"]
    return [(call["cost"], call["cost_status"]) for call in calls]


def recost(client: TestClient, **wanted: Any) -> Any:
    response = client.post(RECOSTS, json=SINCE | wanted)
    assert response.status_code == 200, response.text
    return exact(response)


def own_version(tmp_path: Path, text: str = CHEAPER) -> str:
    return parse(text, str(tmp_path / "prices.toml")).version


def test_a_price_change_moves_totals_only_where_it_is_asked_for(
    cheaper: TestClient, store: Store, tmp_path: Path
) -> None:
    send(
        store,
        make_billed(1),
        make_billed(2, {"infraprism.entity.id": "globex"}),
        make_unpriced(3),
        make_billed(4, {"gen_ai.request.model": "gpt-4o-mini", "gen_ai.response.model": None,
                        "infraprism.cost.input": "0.00015", "infraprism.cost.output": "0.0003",
                        "infraprism.cost.amount": "0.00045"}),
    )  # fmt: skip
    before = costs_of = exact(cheaper.get("/v1/analytics/sessions"))
    by = f"{version()}, {own_version(tmp_path)}"

    rehearsed = recost(cheaper, dry_run=True)

    assert exact(cheaper.get("/v1/analytics/sessions")) == before
    assert cheaper.get(RECOSTS).json() == {"data": [], "has_more": False}
    entities = [
        {
            "entity_type": "customer",
            "entity_id": "acme",
            "calls": 3,
            "changed": 2,
            "newly_priced": 1,
            "newly_unpriced": 0,
            "amount_before": D("0.00795"),
            "amount_after": D("0.01245"),
            "difference": D("0.0045"),
        },
        {
            "entity_type": "customer",
            "entity_id": "globex",
            "calls": 1,
            "changed": 1,
            "newly_priced": 0,
            "newly_unpriced": 0,
            "amount_before": D("0.0075"),
            "amount_after": D("0.006"),
            "difference": D("-0.0015"),
        },
    ]
    row = {
        "id": 1,
        "since": "2025-01-01T00:00:00.000000Z",
        "until": None,
        "model": None,
        "entity_type": None,
        "entity_id": None,
        "unpriced": False,
        "price_version": by,
        "calls": 4,
        "changed": 3,
        "newly_priced": 1,
        "newly_unpriced": 0,
        "skipped": {},
        "amount_before": D("0.01545"),
        "amount_after": D("0.01845"),
        "difference": D("0.003"),
        "currency": "USD",
    }
    rehearsed.pop("recosted_at")
    assert rehearsed == row | {"id": None, "dry_run": True, "entities": entities, "more_entities": 0}

    done = recost(cheaper)
    at = done.pop("recosted_at")
    assert done == row | {"dry_run": False, "entities": entities, "more_entities": 0}
    assert exact(cheaper.get(RECOSTS)) == {"data": [row | {"recosted_at": at}], "has_more": False}
    sessions = exact(cheaper.get("/v1/analytics/sessions"))["data"]
    assert {row["entity_id"]: row["total_cost"] for row in sessions} == {
        "acme": D("0.01245"),
        "globex": D("0.006"),
    }
    assert costs_of["data"] != sessions

    explained = exact(cheaper.get(call_path(1)))
    assert explained["recosts"] == [
        {
            "id": 1,
            "recosted_at": at,
            "cost_before": D("0.0075"),
            "cost_status_before": "priced",
            "price_version_before": "genai-prices 0.2.3",
            "cost_parts_before": {"input": D("0.0025"), "output": D("0.005")},
        }
    ]
    assert explained["cost_parts"] == {"input": D("0.002"), "output": D("0.004")}
    assert explained["price_version"] == own_version(tmp_path)
    assert [line["listed_rate"] for line in explained["explanation"]["lines"]] == [2, 8]
    assert exact(cheaper.get(call_path(4)))["recosts"] == []


def test_once_more_changes_nothing(cheaper: TestClient, store: Store) -> None:
    send(store, make_billed(1), make_unpriced(2))
    recost(cheaper)

    again = recost(cheaper)

    assert (again["id"], again["changed"], again["difference"]) == (2, 0, 0)
    assert len(exact(cheaper.get(call_path(1)))["recosts"]) == 1


def test_a_file_that_was_changed_is_read_anew(cheaper: TestClient, store: Store, tmp_path: Path) -> None:
    send(store, make_billed(1))
    recost(cheaper)
    (tmp_path / "prices.toml").write_text(CHEAPER.replace('"2"', '"3"'))
    recost(cheaper)

    assert costs(cheaper) == [(D("0.007"), "priced")]
    befores = [one["cost_before"] for one in exact(cheaper.get(call_path(1)))["recosts"]]
    assert befores == [D("0.0075"), D("0.006")]


def test_a_delivery_that_is_repeated_does_not_bring_the_old_amount_back(
    cheaper: TestClient, store: Store
) -> None:
    send(store, make_billed(1))
    recost(cheaper)
    send(store, make_billed(1))

    assert costs(cheaper) == [(D("0.006"), "priced")]


PROVIDERS_OWN = {"infraprism.cost.source": "provider"}
MODERATION = {
    "gen_ai.operation.name": "moderation",
    "infraprism.cost.status": "free",
    "infraprism.cost.amount": "0",
}
NO_TOKENS = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (make_billed(1, PROVIDERS_OWN), "provider_cost"),
        (make_billed(1, MODERATION), "free_surface"),
        (make_billed(1, MODERATION | {"gen_ai.provider.name": "azure.ai.openai"}), "free_surface"),
        (make_span(1, {"gen_ai.operation.name": "chat", "error.type": "429"}), "no_cost_status"),
        (
            make_span(1, {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ["queued"]}),
            "no_cost_status",
        ),
        (make_unpriced(1, NO_TOKENS), "usage_missing"),
        (make_unpriced(1, {"gen_ai.provider.name": None}), "model_missing"),
        (
            make_unpriced(1, {"gen_ai.request.model": None, "gen_ai.response.model": None}),
            "model_missing",
        ),
        (make_billed(1, {"gen_ai.usage.cache_read.input_tokens": 1001}), "usage_impossible"),
        (make_billed(1, {"gen_ai.usage.reasoning.output_tokens": 501}), "usage_impossible"),
        (make_billed(1, {"infraprism.usage.cache_read_audio_tokens": 1}), "usage_impossible"),
        # It names no quantities: only its tokens are known, and it was billed for more.
        (make_call(1, {"infraprism.cost.web_searches": "0.01"}), "usage_not_kept"),
    ],
)
def test_what_is_never_touched(cheaper: TestClient, store: Store, span: Any, reason: str) -> None:
    send(store, span)
    before = exact(cheaper.get(call_path(1)))

    done = recost(cheaper)

    assert (done["calls"], done["changed"], done["skipped"]) == (1, 0, {reason: 1})
    assert done["amount_before"] == done["amount_after"] == (before["cost"] or 0)
    assert exact(cheaper.get(call_path(1))) == before


def test_an_amount_that_the_store_cannot_hold_is_left_out(store: Store, tmp_path: Path) -> None:
    client = priced_client(store, tmp_path, CHEAPER.replace('"2"', '"1000000"'))
    send(store, make_billed(1, {"gen_ai.usage.input_tokens": 10**14}), make_billed(2))

    done = recost(client)

    assert (done["changed"], done["skipped"]) == (1, {"amount_out_of_range": 1})
    assert costs(client) == [(D("0.0075"), "priced"), (D("1000.004"), "priced")]


def test_of_calls_from_before_only_the_tokens_are_known(tmp_path: Path) -> None:
    store = Store(tmp_path / "test.duckdb")
    cheaper = priced_client(store, tmp_path)
    searched = {"infraprism.cost.web_searches": "0.01"}
    send(store, make_billed(1), make_unpriced(2), make_billed(3, searched))
    with store.reader() as connection:
        connection.execute("UPDATE calls SET usage = NULL, cost_quantities = NULL, usage_unpriced = NULL")
        connection.commit()

    assert recost(cheaper)["skipped"] == {"usage_not_kept": 1}
    assert costs(cheaper) == [(D("0.006"), "priced"), (D("0.006"), "partial"), (D("0.0075"), "priced")]
    store.close()


NOVEMBER_2026 = 1_793_491_200 * SECOND
ESTIMATED = {
    "infraprism.cost.status": "estimated",
    "infraprism.estimated.input_tokens": 1000,
    "infraprism.estimated.output_tokens": 500,
    **NO_TOKENS,
}
CONTRADICTED = {"infraprism.usage.invalid": ["cache_read_tokens"]}


@pytest.mark.parametrize(
    ("span", "cost"),
    [
        (make_billed(1, ESTIMATED), (D("0.006"), "estimated")),
        (make_billed(1, {"infraprism.cost.status": "estimated"}), (D("0.006"), "estimated")),
        # It ended before it said which tier served it: it is priced at the one that was asked for.
        (make_billed(1, {**ESTIMATED, "openai.request.service_tier": "scale"}), (None, "unpriced")),
        (make_billed(1, {"infraprism.usage.unpriced": ["image_generation"]}), (D("0.006"), "partial")),
        (make_billed(1, {"infraprism.usage.images": 1}), (D("0.006"), "partial")),
        # What made the amount uncertain still does, though there was no price when the call was stored.
        (make_unpriced(1, {**ESTIMATED, "infraprism.cost.status": "unpriced"}), (D("0.006"), "estimated")),
        (
            make_billed(
                1,
                ESTIMATED
                | {"infraprism.cost.status": "partial", "infraprism.usage.unpriced": ["web_search"]},
            ),
            (D("0.006"), "partial"),
        ),
        (make_unpriced(1, CONTRADICTED), (D("0.006"), "estimated")),
        (make_billed(1, {"infraprism.cost.status": "partial"} | CONTRADICTED), (D("0.006"), "estimated")),
        (
            make_unpriced(1, CONTRADICTED | {"openai.request.service_tier": "scale"}),
            (D("0.006"), "estimated"),
        ),
        (make_billed(1, {"infraprism.cost.status": "partial"}), (D("0.006"), "priced")),
        # Only its tokens are known, and it was not priced in full before.
        (make_call(1, {"infraprism.cost.status": "partial"}), (D("0.006"), "partial")),
        (make_call(1), (D("0.006"), "priced")),
        (make_unpriced(1), (D("0.006"), "priced")),
        # At its own tier, in its batch: the file has nothing for these, the list for the batch only.
        (make_billed(1, {"openai.response.service_tier": "scale"}), (None, "unpriced")),
        (
            make_billed(1, {"infraprism.batch.request": True}, start=NOVEMBER_2026),
            (D("0.00375"), "priced"),
        ),
        (make_billed(1, {"gen_ai.response.model": "gpt-0"}), (None, "unpriced")),
    ],
)
def test_what_becomes_of_a_call(
    cheaper: TestClient, store: Store, span: Any, cost: tuple[Decimal | None, str]
) -> None:
    send(store, span)

    done = recost(cheaper)

    assert costs(cheaper) == [cost]
    assert (done["changed"], done["newly_unpriced"]) == (1, int(cost[0] is None))
    answer = exact(cheaper.get(call_path(1)))
    assert sum(line["amount"] for line in answer["explanation"]["lines"]) == (cost[0] or 0)
    if cost[0] is None:
        assert (answer["currency"], answer["cost_source"], answer["cost_parts"]) == (None, None, {})


def test_a_call_is_no_more_certain_after_a_time_without_a_price(store: Store, tmp_path: Path) -> None:
    send(
        store,
        make_billed(1, ESTIMATED),
        make_billed(2, {"infraprism.cost.status": "estimated"} | CONTRADICTED),
    )
    no_price = "[[aliases]]\nprovider = 'openai'\nname = 'gpt-4o'\nmodel = 'gpt-0'"

    assert recost(priced_client(store, tmp_path, no_price))["newly_unpriced"] == 2
    again = recost(client := priced_client(store, tmp_path))

    assert (again["newly_priced"], again["skipped"]) == (2, {})
    assert costs(client) == [(D("0.006"), "estimated")] * 2


CONTRACT = """
[[prices]]
provider = "openai"
model = "gpt-4o"
from = 2025-01-01T00:00:05Z
entity_type = "customer"
entity_id = "acme"
input = "1"
output = "1"
input_audio = "40"
web_searches = "10"

[[adjustments]]
entity_type = "customer"
entity_id = "globex"
percent = "-10"
"""


def test_each_call_by_its_own_time_and_entity(store: Store, tmp_path: Path) -> None:
    client = priced_client(store, tmp_path, CONTRACT)
    further = {"infraprism.usage.input_audio_tokens": 100, "infraprism.usage.web_searches": 1}
    send(
        store,
        make_billed(4),
        make_billed(5, further),
        make_billed(6, {"session.id": "s-2", "infraprism.entity.id": "globex"}),
    )

    recost(client)

    assert costs(client) == [(D("0.0075"), "priced"), (D("0.0154"), "priced")]
    agreed, adjusted = (exact(client.get(call_path(number)))["explanation"] for number in (5, 6))
    assert [(line["part"], line["quantity"], line["amount"]) for line in agreed["lines"]] == [
        ("input_audio", 100, D("0.004")),
        ("input", 900, D("0.0009")),
        ("output", 500, D("0.0005")),
        ("web_searches", 1, D("0.01")),
    ]
    assert agreed["effective_from"] == "2025-01-01T00:00:05.000000Z"
    assert (adjusted["adjustment_percent"], adjusted["total"]) == (-10, D("0.00675"))


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        ({"since": "2025-01-01T00:00:03Z"}, [3, 4, 5]),
        ({"until": "2025-01-01T00:00:03Z"}, [1, 2]),
        ({"model": "gpt-4o"}, [1, 2, 3, 4, 5]),
        ({"model": "gpt-4o-2024-08-06"}, [1, 2, 3, 4]),
        ({"model": "o1"}, []),
        ({"entity_type": "team"}, [2]),
        ({"entity_type": "customer", "entity_id": "globex"}, [3]),
        ({"unpriced": True}, [4]),
    ],
)
def test_which_calls_are_looked_at(
    cheaper: TestClient, store: Store, wanted: dict[str, Any], changed: list[int]
) -> None:
    send(
        store,
        make_billed(1),
        make_billed(2, {"infraprism.entity.type": "team"}),
        make_billed(3, {"infraprism.entity.id": "globex"}),
        make_unpriced(4),
        make_billed(5, {"gen_ai.response.model": "gpt-4o-2024-11-20"}),
    )

    done = recost(cheaper, **wanted)

    assert done["calls"] == done["changed"] == len(changed)
    touched = [number for number in range(1, 6) if exact(cheaper.get(call_path(number)))["recosts"]]
    assert touched == changed


def test_in_the_currency_of_display_each_call_at_its_date(store: Store, tmp_path: Path) -> None:
    rates = (
        "[display]\ncurrency = 'EUR'\nrates = [{ rate = '0.5' }, { from = 2025-01-01T00:00:02Z, rate = 1 }]"
    )
    client = priced_client(store, tmp_path, CHEAPER + rates)
    send(store, make_billed(1), make_billed(2))

    done = recost(client, dry_run=True)

    shown = {
        "currency": "EUR",
        "amount_before": D("0.01125"),
        "amount_after": D("0.009"),
        "difference": D("-0.00225"),
    }
    assert done["display"] == done["entities"][0]["display"] == shown


def test_a_call_without_a_rate_of_exchange_leaves_no_sum_in_it(store: Store, tmp_path: Path) -> None:
    rates = "[display]\ncurrency = 'EUR'\nrates = [{ from = 2025-01-01T00:00:02Z, rate = 1 }]"
    client = priced_client(store, tmp_path, CHEAPER + rates)
    send(store, make_billed(1), make_billed(2, {"infraprism.entity.id": "globex"}))

    done = recost(client, dry_run=True)

    assert done["display"] is None
    assert [row["display"] is None for row in done["entities"]] == [True, False]


def test_many_entities_are_cut_short_by_their_difference(
    cheaper: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recost_answers, "MOST_ENTITIES", 2)
    for number, entity in enumerate(("a", "b", "b", "c", "c", "c"), start=1):
        send(store, make_billed(number, {"infraprism.entity.id": entity}))

    done = recost(cheaper)

    assert [row["entity_id"] for row in done["entities"]] == ["c", "b"]
    assert (done["more_entities"], done["changed"]) == (1, 6)


def test_chunks_leave_nothing_out(cheaper: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CHUNK", 7)
    send(store, *(make_billed(number) for number in range(1, 51)))

    done = recost(cheaper)

    assert (done["changed"], done["amount_after"]) == (50, D("0.3"))
    assert costs(cheaper) == [(D("0.006"), "priced")] * 50


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, None),
        ({"since": 1}, None),
        ({"since": "2025-01-01", "colour": "red"}, None),
        ({"since": "yesterday"}, "since"),
        ({"since": "2025-01-01", "until": "2025-01-01"}, "until"),
        ({"since": "2025-01-01", "until": "x"}, "until"),
        ({"since": "2025-01-01", "entity_id": "acme"}, "entity_id"),
        ({"since": "2025-01-01", "model": ""}, "model"),
        ({"since": "2025-01-01", "entity_type": ""}, "entity_type"),
        ({"since": "2025-01-01", "entity_type": "customer", "entity_id": ""}, "entity_id"),
        ([], None),
    ],
)
def test_a_question_that_makes_no_sense(cheaper: TestClient, body: Any, parameter: str | None) -> None:
    answer = cheaper.post(RECOSTS, json=body)

    assert (answer.status_code, answer.json().get("parameter")) == (400, parameter)
    assert answer.headers["content-type"] == "application/problem+json"


def test_only_json_is_taken(cheaper: TestClient) -> None:
    """Other types can be sent by any web page from the browser of its visitor."""
    answer = cheaper.post(RECOSTS, content=b'{"since": "2025-01-01"}', headers={"Content-Type": "text/plain"})

    assert answer.status_code == 415


def test_a_file_that_cannot_be_used_changes_nothing(
    cheaper: TestClient, store: Store, tmp_path: Path
) -> None:
    send(store, make_billed(1))
    (tmp_path / "prices.toml").write_text("x = 1")

    answer = cheaper.post(RECOSTS, json=SINCE)

    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("INFRAPRISM_PRICES of the collector cannot be used: ")
    assert "line 1: x is not known here" in answer.json()["detail"]


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A recost stops before it records what it did: the events that it is there, and that it may go on."""
    there, go = threading.Event(), threading.Event()

    def later(commit: Any) -> Any:
        def commit_later(*arguments: Any) -> None:
            there.set()
            go.wait(20)
            commit(*arguments)

        return commit_later

    for kind in (EmbeddedRecosting, ClickHouseRecosting):
        monkeypatch.setattr(kind, "commit", later(kind.commit))
    yield there, go
    go.set()


def in_background(client: TestClient) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(client.post(RECOSTS, json=SINCE)))
    thread.start()
    return thread, answers


def test_calls_that_arrive_meanwhile_are_stored_and_a_second_recost_is_refused(
    cheaper: TestClient, store: Store, held_up: tuple[threading.Event, threading.Event]
) -> None:
    send(store, make_billed(1))
    thread, answers = in_background(cheaper)
    assert held_up[0].wait(20)

    send(store, make_billed(1), make_billed(2))
    assert costs(cheaper) == [(D("0.0075"), "priced"), (D("0.0075"), "priced")]
    refused = cheaper.post(RECOSTS, json=SINCE | {"dry_run": True})
    held_up[1].set()
    thread.join()

    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "another recost is running; wait until it has ended",
    )
    assert (answers[0].status_code, answers[0].json()["changed"]) == (200, 1)
    assert costs(cheaper) == [(D("0.006"), "priced"), (D("0.0075"), "priced")]
    assert recost(cheaper)["changed"] == 1


def test_a_collector_that_stops_gives_a_recost_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CHUNK", 1)
    store = Store(tmp_path / "test.duckdb")
    send(store, make_billed(1), make_billed(2))
    there, replace = threading.Event(), history.replace

    def replace_slowly(*arguments: Any) -> None:
        replace(*arguments)
        there.set()
        while not store.closing:
            pass

    monkeypatch.setattr(history, "replace", replace_slowly)
    thread, answers = in_background(priced_client(store, tmp_path))
    assert there.wait(20)
    store.close()
    thread.join()

    assert answers[0].json()["detail"] == "the collector is stopping; nothing was changed"
    store = Store(tmp_path / "test.duckdb")
    assert [cost for cost, _ in costs(priced_client(store, tmp_path))] == [D("0.0075")] * 2
    store.close()


def test_what_a_process_prices_by_is_left_as_it_was(cheaper: TestClient, store: Store) -> None:
    before = quotes.book
    send(store, make_billed(1))
    recost(cheaper)

    assert quotes.book is before


_KILLED = """
import os, signal, sys
from pathlib import Path
from infraprism.collector.recosts import recost
from infraprism.collector.store import history
from infraprism.collector.store.clickhouse.recosting import ClickHouseRecosting
from infraprism.collector.store.embedded import Store
from infraprism.pricing import load

history.CHUNK = 500
replace, record, chunks = history.replace, history.record, 0

def kill(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

def replace_some(*arguments):
    global chunks
    replace(*arguments)
    chunks += 1
    if sys.argv[3] == "between chunks" and chunks == 3:
        kill()

def record_and_die(*arguments):
    record(*arguments)
    if sys.argv[3] == "before the commit":
        kill()

history.replace, history.record = replace_some, record_and_die
store = Store(Path(sys.argv[1]))
with store.recosting() as recosting:
    recost.run(
        recosting, history.CallFilter(since=0), load(sys.argv[2]), at=1, dry_run=False, stopping=bool
    )
    kill()
"""


@pytest.mark.parametrize(
    ("moment", "applied"), [("between chunks", False), ("before the commit", False), ("after it", True)]
)
def test_sigkill_leaves_all_or_nothing(tmp_path: Path, moment: str, applied: bool) -> None:
    path = tmp_path / "test.duckdb"
    store = Store(path)
    send(store, *(make_billed(number) for number in range(1, 2001)))
    store.close()
    (tmp_path / "prices.toml").write_text(CHEAPER)

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, path, tmp_path / "prices.toml", moment],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert killed.returncode == -9, killed.stderr
    store = Store(path)
    client = priced_client(store, tmp_path)
    assert len(client.get(RECOSTS).json()["data"]) == int(applied)
    with store.reader() as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT span_id), sum(amount), (SELECT count(*) FROM recost_changes)"
            " FROM calls"
        ).fetchone()
    assert found == ((2000, 2000, 12, 2000) if applied else (2000, 2000, 15, 0))
    # And it can be done again.
    assert recost(client)["changed"] == (0 if applied else 2000)
    store.close()
