"""The application is told what each call cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

import infraprism
from infraprism import CallCost, Totals, guard, on_cost, session
from infraprism.tracing.ledger import process_ledger
from tests.tracing.test_account import CHAT, Scene


@pytest.fixture
def told():
    records = []
    remove = on_cost(records.append)
    yield records
    remove()


def test_a_call_of_another_instrumentation(told):
    scene = Scene()
    with session("s-1", entity_type="customer", entity_id="acme", tags={"feature": "chat"}):
        scene.told(CHAT)
    [record] = told
    assert record == CallCost(
        "s-1",
        "customer",
        "acme",
        {"feature": "chat"},
        record.cost,
        "openai",
        "gpt-4o-mini",
        "chat",
        Totals(Decimal("0.00024"), 1),
    )
    assert (record.cost.status, record.cost.amount) == ("priced", Decimal("0.00024"))
    assert sum(part.amount for part in record.cost.parts) == record.cost.amount


def test_of_no_session_there_are_no_totals(told):
    Scene().told({**CHAT, "gen_ai.response.model": "a model of one's own"})
    [record] = told
    assert (record.session_id, record.totals, record.cost.amount) == (None, None, None)


def test_one_that_raises_is_counted_and_harms_nobody(told, monkeypatch, caplog):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())

    def fail(record):
        raise RuntimeError("content of a prompt")

    remove, later = on_cost(fail), []
    remove_later = on_cost(later.append)
    assert Scene().told(CHAT)["infraprism.cost.amount"] == "0.00024"
    remove()
    remove_later()
    assert len(told) == len(later) == 1
    assert guard.dropped() == {"on_cost_failed": 1}
    assert "content" not in caplog.text


def test_one_that_was_taken_off_is_not_told():
    records = []
    on_cost(records.append)()
    Scene().told(CHAT)
    assert records == []


def test_it_may_ask_for_the_totals_and_make_calls_itself():
    """No lock is held."""
    scene, seen = Scene(), []

    def ask(record):
        seen.append(scene.ledger[(None, None, "s-1")].turns)
        if len(seen) == 1:
            scene.told(CHAT)

    remove = on_cost(ask)
    with session("s-1"):
        scene.told(CHAT)
    remove()
    assert seen == [1, 2]


def test_the_total_of_a_session():
    key = ("customer", "acme", "of this test")
    assert infraprism.session_total("of this test", "customer", "acme") is None
    process_ledger.add(key, Decimal("0.5"), turn=True)
    assert infraprism.session_total("of this test", "customer", "acme") == Totals(Decimal("0.5"), 1)
    assert infraprism.session_total("of this test") is None
    with pytest.raises(TypeError, match="session_id"):
        infraprism.session_total(1.5)  # type: ignore[arg-type]
