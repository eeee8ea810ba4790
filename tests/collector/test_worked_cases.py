"""From the reply to the answer of the API: no digit of a cost that was worked out by hand is lost."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

from starlette.testclient import TestClient

from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.embedded import Store
from infraprism.openai import attributes
from infraprism.openai.response import Reply
from infraprism.pricing import Cost
from infraprism.tracing import Ledger
from tests.pricing.worked import chat, media, others, own, tools
from tests.support.otlp import make_request, make_span
from tests.support.prices import priced_by
from tests.support.worked import Case, cost_of_case, worked

#: Not those of more tokens than a collector stores money for.
CASES = [case for table in (chat, tools, media, others, own) for case in table.CASES]
SESSION = {"session.id": "s-1", "gen_ai.operation.name": "chat"}


def cost_of(case: Case) -> Cost:
    with priced_by(case.prices):
        return cost_of_case(case, case.body)


def span_of(number: int, cost: Cost) -> Any:
    return make_span(number, {**SESSION, **attributes.read(Reply(), None, cost)})


def test_the_answer_has_what_was_worked_out(client: TestClient, store: Store) -> None:
    spans = [span_of(number, cost_of(case)) for number, case in enumerate(CASES, start=1)]
    store.submit(read_request(make_request(*spans))).result()
    answer = json.loads(client.get("/v1/analytics/sessions/s-1").text, parse_float=Decimal, parse_int=Decimal)
    bills = [worked(case.bill) for case in CASES]
    assert [
        (
            call["cost_status"],
            None if call["cost"] is None else Fraction(call["cost"]),
            {name: Fraction(amount) for name, amount in (call["cost_parts"] or {}).items()},
        )
        for call in answer["calls"]
    ] == [
        (case.status, bill.amount, {name: amount for name, (_, _, amount) in bill.parts.items()})
        for case, bill in zip(CASES, bills, strict=True)
    ]
    assert Fraction(answer["total_cost"]) == sum(bill.amount or 0 for bill in bills)


def test_the_order_of_calls_changes_no_running_total() -> None:
    amounts = [cost.amount for case in CASES if (cost := cost_of(case)).amount is not None]
    session, totals = (None, None, "s-1"), []
    for seed in range(3):
        ledger = Ledger()
        for amount in random.Random(seed).sample(amounts, len(amounts)):
            ledger.add(session, amount, turn=True)
        totals.append(ledger[session])
    assert totals == [totals[0]] * 3
    assert Fraction(totals[0].cost) == sum(worked(case.bill).amount or 0 for case in CASES)
