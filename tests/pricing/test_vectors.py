"""Prices worked out by an independent program from the same list, call by call."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from infraprism.pricing import Cost, Status, Usage, money, price

VECTORS = Path(__file__).parents[2].parent / "shared" / "reference" / "cost-vectors.json"
if not VECTORS.exists():
    pytest.skip(f"there are no reference prices in {VECTORS.parent}", allow_module_level=True)

#: The reference's names of quantities that have another one here.
FIELDS = {"output_reasoning_tokens": "reasoning_tokens", "storage_searches": "file_searches"}
INPUT_PARTS = {"input", "cache_read", "cache_write", "input_audio", "input_image", "input_characters"}
OUTPUT_PARTS = {"output", "output_audio", "output_image", "reasoning"}


def priced(vector):
    return price(
        Usage(**{FIELDS.get(key, key): count for key, count in vector["usage"].items()}),
        provider=vector["provider"],
        model=vector["model"],
        service_tier=vector["context"].get("service_tier"),
        at=datetime.fromisoformat(vector["at"]),
        batch=vector["context"].get("processing") == "batch",
    )


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()), ids=lambda vector: vector["name"])
def test_the_reference_price(vector):
    cost = priced(vector)
    # For a tier without rates of its own the reference gives the standard price: not ours to guess.
    if "(IGNORED)" in vector["name"] or vector["name"] == "gpt-4o flex":
        assert cost == Cost(Status.UNPRICED)
        return
    assert (
        cost.status,
        cost.amount,
        money.total(part.amount for part in cost.parts if part.name in INPUT_PARTS),
        money.total(part.amount for part in cost.parts if part.name in OUTPUT_PARTS),
    ) == (Status.PRICED, Decimal(vector["total"]), Decimal(vector["input"]), Decimal(vector["output"]))
