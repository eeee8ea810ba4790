"""Averages, changes and merged tags."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from infraprism.collector.analytics import answers


@pytest.mark.parametrize(
    ("amount", "by", "expected"),
    [
        (Decimal("0.3"), 3, "0.100000000000000000000000"),
        (Decimal(1), 3, "0.333333333333333333333333"),
        (Decimal("100000123456789012345.000000000000000000000001"), 1, None),
        (2, 3, "0.666666666666666666666667"),
        (Decimal("0.000000000000000000000001"), 2, "0E-24"),  # half goes to even
        (Decimal("0.000000000000000000000003"), 2, "2E-24"),
    ],
)
def test_averages_are_rounded_once(amount: Decimal | int, by: int, expected: str | None) -> None:
    assert answers.quotient(amount, by) == Decimal(expected if expected is not None else amount)


def test_nothing_is_divided_by_nothing() -> None:
    assert answers.quotient(Decimal(1), 0) is None


@pytest.mark.parametrize(
    ("now", "before", "percent"),
    [
        (3, 2, "50.00"),
        (0, 4, "-100.00"),
        (Decimal("0.1"), Decimal("0.3"), "-66.67"),
        (1, 0, None),
        (None, 1, None),
    ],
)
def test_changes_are_percents(now: Any, before: Any, percent: str | None) -> None:
    assert answers.change(now, before) == (None if percent is None else Decimal(percent))


def test_tags_are_merged_key_by_key() -> None:
    tags = [{"feature": "b", "plan": "pro"}, {"feature": "a"}, {"feature": "b"}]

    assert answers.merged(tags) == {"feature": ["a", "b"], "plan": ["pro"]}
    assert answers.merged([]) == {}
