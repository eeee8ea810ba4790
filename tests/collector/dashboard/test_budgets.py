"""Budgets on the pages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx2
import pytest

from infraprism.collector.dashboard.pages import entity, overview
from tests.collector.dashboard.conftest import Collector
from tests.collector.dashboard.test_pages import parsed, text_of


@pytest.fixture
def http(empty_collector: Collector) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=empty_collector.url, trust_env=False) as client:
        yield client


def budget(http: httpx2.Client, name: str) -> None:
    asked = {"name": name, "amount": "2", "per": "entity", "period": "month"}
    assert http.post("/v1/budgets", json=asked).status_code == 201


def reserve(http: httpx2.Client, who: str, amount: str) -> None:
    asked = {"id": uuid.uuid4().hex, "amount": amount, "entity_type": "customer", "entity_id": who}
    assert http.post("/v1/budgets/reservations", json=asked).status_code == 201


def of_entity(http: httpx2.Client, who: str) -> str:
    return text_of(parsed(http.get("/entity", params={"entity_type": "customer", "entity_id": who})))


def test_an_entity_that_is_not_among_the_first_spenders_is_not_said_to_have_spent_nothing(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(http, "monthly")
    for who, amount in (("acme", "0.5"), ("globex", "0.25")):
        reserve(http, who, amount)

    assert "$0.25" in of_entity(http, "globex")
    assert "Nothing was spent in this period." in of_entity(http, "initech")
    monkeypatch.setattr(entity, "_SPENDERS", "1")
    assert "$0.50" in of_entity(http, "acme")
    assert "not among the 1 that used most of it" in of_entity(http, "globex")


def test_budgets_that_a_page_leaves_out_are_counted(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second", "third"):
        budget(http, name)

    assert "third" in of_entity(http, "acme")
    monkeypatch.setattr(overview, "MOST_BUDGETS", 2)
    monkeypatch.setattr(entity, "MOST_BUDGETS", 2)
    shown = of_entity(http, "acme")
    assert "second" in shown
    assert "third" not in shown
    assert "and 1 budget more: all as JSON" in shown
