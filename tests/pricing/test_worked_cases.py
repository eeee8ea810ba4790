"""Costs worked out by hand from public prices: from the reply as it is sent to the amount and its parts."""

import json
from contextlib import nullcontext

import pytest

from tests.pricing.worked import chat, impossible, media, others, own, tools
from tests.support.prices import priced_by
from tests.support.worked import cost_of_case, found, worked

CASES = [case for table in (chat, tools, media, others, own, impossible) for case in table.CASES]


def test_no_two_cases_have_one_name():
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_it_costs(case):
    body = json.loads(json.dumps(case.body))
    with nullcontext() if case.prices is None else priced_by(case.prices):
        cost = cost_of_case(case, body)
    assert (cost.status, found(cost)) == (case.status, worked(case.bill))
