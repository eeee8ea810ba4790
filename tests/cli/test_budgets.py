"""`infraprism budgets` over a real collector."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.shared import SECRET, Collector, collecting

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with collecting(tmp_path / "x.duckdb", INFRAPRISM_WEBHOOK_SECRET=SECRET) as collector:
        yield collector


def test_a_budget_is_created_listed_shown_and_deleted(run: Run, collector: Collector) -> None:
    to = ("--url", collector.url)
    options = ("--per", "entity", "--period", "month", "--entity", "customer", "--action", "raise")
    code, created, errors = run("budgets", "create", "customers", "0.50", *options, *to)
    assert (code, errors) == (0, "")
    budget_id = created.strip()
    code, listed, errors = run("budgets", "list", *to)
    assert (code, errors) == (0, "")
    rows = [line.split() for line in listed.splitlines()]
    assert rows[0] == ["id", "name", "per", "period", "only", "action", "USD"]
    assert rows[2:] == [[budget_id, "customers", "entity", "month", "customer", "raise", "0.5"]]
    reservation = {
        "id": uuid.uuid4().hex,
        "amount": "0.125",
        "entity_type": "customer",
        "entity_id": "acme\x1b[31m",
    }
    assert collector.ask("POST", "/v1/budgets/reservations", reservation)[0] == 201

    code, shown, errors = run("budgets", "show", budget_id, *to)

    assert (code, errors) == (0, "")
    lines = shown.splitlines()
    assert lines[0] == "customers: 0.5 USD per entity, each month, only customer"
    assert lines[1].split() == ["who", "crossed", "spent", "reserved", "remaining"]
    assert lines[-1].split() == ["customer/acme\ufffd[31m", "0", "0.125", "0.375"]
    code, text, _ = run("budgets", "show", budget_id, "--json", *to)
    assert json.loads(text)["data"][0]["reserved"] == 0.125
    assert run("budgets", "delete", budget_id, *to) == (0, "", "")
    assert run("budgets", "show", budget_id, *to) == (1, "", f"there is no budget {budget_id}\n")


def test_the_secret_of_its_webhooks_is_shown_once(run: Run, collector: Collector) -> None:
    to = ("--url", collector.url)
    code, text, _ = run("budgets", "create", "hooked", "1", "--webhook-url", "https://example.com/", *to)
    budget_id, told = text.splitlines()
    assert (code, told.startswith("its webhooks are signed with whsec_")) == (0, True)
    assert "whsec_" not in run("budgets", "show", budget_id, "--json", *to)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("x", "1.5e-30"),
            "amount must be 0 or more, with at most 14 digits before the point and 24 after it",
        ),
        (("x", "1", "--per", "customer"), "per must be 'session', 'entity' or 'tag:' and a tag's key"),
        (
            ("x", "1", "--webhook-url", "https://10.0.0.1"),
            "webhook_url cannot be used: 10.0.0.1 is not public",
        ),
    ],
)
def test_what_is_wrong_is_said(
    run: Run, collector: Collector, arguments: tuple[str, ...], message: str
) -> None:
    assert run("budgets", "create", *arguments, "--url", collector.url) == (1, "", f"{message}\n")


def test_where_no_collector_answers(run: Run) -> None:
    code, output, errors = run("budgets", "list", "--url", "http://127.0.0.1:1")
    assert (code, output) == (1, "")
    assert errors == "no collector answers at http://127.0.0.1:1: Connection refused\n"
