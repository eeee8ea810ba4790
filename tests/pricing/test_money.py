"""Exact amounts and their text."""

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import money

amounts = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=12)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.0075", "0.0075"),
        ("0.0075000", "0.0075"),
        ("2E-8", "0.00000002"),
        ("0E-7", "0"),
        ("0", "0"),
        ("1.00", "1"),
        ("100", "100"),
        ("1E+3", "1000"),
        (
            "123456789012345678901234567890.000000000000000000001",
            "123456789012345678901234567890.000000000000000000001",
        ),
    ],
)
def test_text_is_plain_and_short(amount, text):
    assert money.text(Decimal(amount)) == text


@given(st.decimals(min_value=0, allow_nan=False, allow_infinity=False).filter(lambda d: d.adjusted() < 100))
def test_text_loses_no_digit(amount):
    text = money.text(amount)
    assert Decimal(text) == amount
    assert set(text) <= set("0123456789.")


@given(st.lists(amounts), st.randoms())
def test_a_sum_does_not_depend_on_the_order(summands, random):
    shuffled = random.sample(summands, len(summands))
    assert money.total(shuffled) == money.total(summands)


@given(st.lists(amounts), st.lists(amounts))
def test_a_sum_of_sums_is_the_sum_of_all(some, others):
    assert money.total([money.total(some), money.total(others)]) == money.total([*some, *others])


def test_the_sum_of_nothing_is_zero():
    assert money.total([]) == Decimal(0)


def test_what_would_have_to_be_rounded_is_refused():
    with pytest.raises(decimal.Inexact):
        money.total([Decimal("1E+40"), Decimal("1E-40")])


def test_the_hosts_decimal_context_changes_no_text():
    everything = list(decimal.Context().traps)
    with decimal.localcontext(decimal.Context(prec=3, capitals=0, traps=everything)):
        assert [money.text(Decimal(amount)) for amount in ("1.23456789", "2E-8", "0E-7", "1E+3")] == [
            "1.23456789",
            "0.00000002",
            "0",
            "1000",
        ]
        assert money.total([Decimal("1.23456789"), Decimal("2E-8")]) == Decimal("1.23456791")
