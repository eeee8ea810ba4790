"""Totals and merged tags."""

from __future__ import annotations

from decimal import Decimal

from infraprism.collector.analytics import answers


def test_a_total_of_many_digits_is_not_rounded() -> None:
    fraction = Decimal("123456789012345.000000000000000000000001")

    assert str(answers.total(10**20, fraction)) == "100000123456789012345.000000000000000000000001"


def test_tags_are_merged_key_by_key() -> None:
    tags = [{"feature": "b", "plan": "pro"}, {"feature": "a"}, {"feature": "b"}]

    assert answers.merged(tags) == {"feature": ["a", "b"], "plan": ["pro"]}
    assert answers.merged([]) == {}
