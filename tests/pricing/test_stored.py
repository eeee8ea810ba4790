"""The usage of stored calls."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing import Usage, price
from infraprism.pricing.stored import FURTHER_FIELDS, is_possible, with_further
from infraprism.pricing.usage import Usage as AllFields

AT = datetime(2026, 11, 22, tzinfo=UTC)


def test_further_quantities_become_fields_of_their_kind() -> None:
    stored = {"images": Decimal("2.000"), "audio_seconds": Decimal("12.5"), "pages": Decimal(1)}

    usage = with_further(Usage(1, 2), stored)

    assert usage == Usage(1, 2, images=2, audio_seconds=Decimal("12.5"))
    assert type(usage.images) is int


def test_every_further_field_is_one_of_a_usage() -> None:
    assert set(FURTHER_FIELDS) <= set(AllFields._fields)


@pytest.mark.parametrize(
    ("fields", "possible"),
    [
        ({}, True),
        ({"cache_read_tokens": 60, "cache_write_tokens": 40}, True),
        ({"cache_read_tokens": 60, "cache_write_tokens": 41}, False),
        ({"cache_read_tokens": 50, "input_audio_tokens": 80, "cache_read_audio_tokens": 30}, True),
        ({"cache_read_tokens": 50, "input_audio_tokens": 80, "cache_read_audio_tokens": 29}, False),
        ({"cache_read_tokens": 50, "input_image_tokens": 10, "cache_read_image_tokens": 11}, False),
        ({"cache_read_audio_tokens": 1, "input_audio_tokens": 1}, False),
        ({"reasoning_tokens": 20, "output_audio_tokens": 20, "output_image_tokens": 10}, True),
        ({"reasoning_tokens": 20, "output_audio_tokens": 20, "output_image_tokens": 11}, False),
        ({"input_tokens": None, "cache_read_tokens": 1}, False),
        ({"output_tokens": None, "reasoning_tokens": 1}, False),
    ],
)
def test_a_detail_is_never_above_its_whole(fields: dict[str, Any], possible: bool) -> None:
    assert is_possible(Usage(100, 50)._replace(**fields)) is possible


counts = st.none() | st.integers(0, 40)


@given(
    st.fixed_dictionaries(
        {name: counts for name in AllFields._fields if name.endswith(("_tokens", "_searches"))}
    )
)
def test_what_is_possible_costs_no_part_less_than_nothing(fields: dict[str, int | None]) -> None:
    usage = Usage(**fields)  # type: ignore[arg-type]
    if is_possible(usage):
        for model in ("gpt-4o", "gpt-realtime", "gpt-image-1", "gpt-5.4"):
            cost = price(usage, provider="openai", model=model, service_tier=None, at=AT)
            assert all(part.quantity >= 0 and part.amount >= 0 for part in cost.parts)
