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


@pytest.mark.parametrize(
    ("rate", "seconds", "amount"),
    [
        ("0.36", 60, "0.006"),
        ("1.02", 3600, "1.02"),
        ("1.02", 1, "0.000283333333"),
        ("1", Decimal("0.5"), "0.000138888889"),
        ("0.0000000018", 1, "0"),  # half of the last place: to the even one
        ("0.0000000018", 3, "0.000000000002"),
        ("1", Decimal("5e-324"), "0"),
    ],
)
def test_an_hours_rate_is_rounded_once_at_the_end(rate, seconds, amount):
    assert money.by_the_hour(Decimal(rate), seconds) == Decimal(amount)


@given(st.floats(0, 10**12).filter(lambda number: number == 0 or number > 1e-7))
def test_a_number_that_was_written_down_is_read_as_it_was(number):
    assert float(money.written(number)) == number


@given(st.floats(0, 10**12))
def test_no_amount_is_finer_than_what_is_stored(number):
    written = money.written(number)
    assert written.as_tuple().exponent >= -24
    assert abs(written - Decimal(number)) <= Decimal(number) * Decimal("1e-15") + Decimal("1e-24")
