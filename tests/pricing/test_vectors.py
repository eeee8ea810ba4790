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

#: Those that are wrong: for a tier that the model is not offered at, or that its reseller does not offer, the
#: reference has the standard price. What is known is that there is none.
WRONG = {"gpt-4o flex", "azure gpt-4o priority (IGNORED)"}
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


ALL = json.loads(VECTORS.read_text())


def test_the_wrong_ones_are_there():
    assert {vector["name"] for vector in ALL} >= WRONG


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["name"])
def test_the_reference_price(vector):
    cost = priced(vector)
    if vector["name"] in WRONG:
        assert cost == Cost(Status.UNPRICED)
        return
    assert (
        cost.status,
        cost.amount,
        money.total(part.amount for part in cost.parts if part.name in INPUT_PARTS),
        money.total(part.amount for part in cost.parts if part.name in OUTPUT_PARTS),
    ) == (Status.PRICED, Decimal(vector["total"]), Decimal(vector["input"]), Decimal(vector["output"]))
