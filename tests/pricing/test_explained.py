"""Kept costs explained: rates found again, lines that add up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import Usage, money, price
from infraprism.pricing.explained import inferred, lines, without_price

D = Decimal
AT = datetime(2026, 11, 22, tzinfo=UTC)
MODELS = ("gpt-4o", "gpt-5.4", "o3", "gpt-realtime", "gpt-image-1", "text-embedding-3-small")
counts = st.integers(0, 10**9)


@given(st.sampled_from(MODELS), counts, counts, counts)
def test_the_rates_that_made_a_cost_are_found_again(model: str, cached: int, rest: int, output: int) -> None:
    usage = Usage(cached + rest, output, cache_read_tokens=cached)
    cost = price(usage, provider="openai", model=model, service_tier=None, at=AT)
    assert cost.amount is not None

    found = lines(
        cost.amount,
        {part.name: part.amount for part in cost.parts},
        {part.name: D(part.quantity) for part in cost.parts},
    )

    assert [(line.part, line.quantity, line.amount) for line in found] == [
        (part.name, part.quantity, part.amount) for part in cost.parts
    ]
    assert all(line.rate in (part.rate, None) for line, part in zip(found, cost.parts, strict=True))
    assert all(line.rate is not None for line in found if line.quantity)
    assert money.total(line.amount for line in found) == cost.amount


@given(
    st.decimals("0.001", 100, places=4),
    st.decimals(1, 100_000, places=2),
)
def test_the_rate_of_an_hour_makes_the_same_amount(rate: Decimal, seconds: Decimal) -> None:
    amount = money.by_the_hour(rate, seconds)

    (line,) = lines(amount, {"audio_seconds": amount}, {"audio_seconds": seconds})

    assert line.listed_rate is not None
    assert money.by_the_hour(line.listed_rate, seconds) == amount
    assert len(line.listed_rate.normalize().as_tuple().digits) <= len(rate.normalize().as_tuple().digits)


def test_a_rate_of_somebody_elses_that_has_no_last_digit_is_rounded() -> None:
    (line,) = lines(D("0.01"), {"output": D("0.01")}, {"output": D(3)})

    assert line.rate == D("0.003333333333333333333333")


def test_parts_in_the_order_of_the_quantities_then_the_others() -> None:
    parts = {"a": D(1), "b": D(2), "c": D(3)}

    found = lines(D(7), parts, {"c": D(1), "a": D(1), "x": D(9)})

    assert [(line.part, line.amount) for line in found] == [
        ("c", 3), ("a", 1), ("b", 2), ("unexplained", 1),
    ]  # fmt: skip


def test_an_inferred_quantity_is_never_against_its_amount() -> None:
    usage = Usage(100, None, cache_read_tokens=100)

    found = inferred({"input": D("0.1"), "cache_read": D("0.1"), "output": D("0.2")}, usage)

    assert found == {"cache_read": 100}


@pytest.mark.parametrize(
    ("usage", "quantities", "names"),
    [
        (Usage(10, 5), {"input": 10, "output": 5}, []),
        (Usage(10, 5), {"input": 10}, ["output_tokens"]),
        (Usage(10, 5), {"output_image": 5, "cache_read": 4, "input": 6}, []),
        (
            Usage(10, 5, input_audio_tokens=4),
            {"input": 6, "output": 5},
            ["input_audio_tokens", "input_tokens"],
        ),
        (
            Usage(10, 0, cache_read_tokens=4, input_audio_tokens=4, cache_read_audio_tokens=4),
            {"cache_read_audio": 4, "input": 6},
            [],
        ),
        (Usage(images=1, video_seconds=D("2.5")), {}, ["images", "video_seconds"]),
        (Usage(1, unpriced=("code_interpreter",)), {"input": 1}, ["code_interpreter"]),
    ],
)
def test_what_has_no_price_is_named(usage: Usage, quantities: dict[str, int], names: list[str]) -> None:
    assert without_price(usage, {name: D(count) for name, count in quantities.items()}) == names
