"""Costs worked out by hand from public prices: from the reply as it is sent to the amount and its parts."""

import decimal
import json

import pytest

from infraprism.pricing import rates
from tests.pricing.worked import chat, impossible, media, others, own, tools
from tests.support.prices import priced_by
from tests.support.worked import cost_of_case, found, worked

CASES = [case for table in (chat, tools, media, others, own, impossible) for case in table.CASES]


def test_no_two_cases_have_one_name():
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_it_costs(case):
    body = json.loads(json.dumps(case.body))
    with priced_by(case.prices):
        cost = cost_of_case(case, body)
    assert (cost.status, found(cost)) == (case.status, worked(case.bill))


def test_the_hosts_decimal_context_changes_no_cost():
    hostile = decimal.Context(prec=5, Emax=5, Emin=-5, capitals=0, traps=list(decimal.Context().traps))
    rates._match.cache_clear()
    rates._resolve.cache_clear()
    expected = {case.name: (case.status, worked(case.bill)) for case in CASES}
    with decimal.localcontext(hostile):
        costs = {}
        for case in CASES:
            with priced_by(case.prices):
                costs[case.name] = cost_of_case(case, case.body)
    assert {name: (cost.status, found(cost)) for name, cost in costs.items()} == expected
