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

#: The reference's names of the quantities that a usage can hold.
FIELDS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
}
INPUT_PARTS = {"input", "cache_read", "cache_write", "input_audio"}
OUTPUT_PARTS = {"output", "output_audio", "reasoning"}


def expressible(vector):
    return vector["usage"].keys() <= FIELDS.keys() and vector["context"].keys() <= {"service_tier"}


ALL = json.loads(VECTORS.read_text())
EXPRESSIBLE = [vector for vector in ALL if expressible(vector)]


def priced(vector):
    return price(
        Usage(**{FIELDS[key]: count for key, count in vector["usage"].items()}),
        provider=vector["provider"],
        model=vector["model"],
        service_tier=vector["context"].get("service_tier"),
        at=datetime.fromisoformat(vector["at"]),
    )


@pytest.mark.parametrize("vector", EXPRESSIBLE, ids=lambda vector: vector["name"])
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


def test_only_what_is_not_counted_yet_is_left_out():
    left_out = [vector["name"] for vector in ALL if not expressible(vector)]
    assert left_out == [
        "gpt-4o batch",
        "gpt-5 batch",
        "o3 batch",
        "gpt-5.4 batch",
        "gpt-5 + 2 web searches",
        "gpt-5 + 1 file search",
        "gpt-image-1",
        "gpt-image-1.5 image out",
        "whisper-1 60s",
        "tts-1 1000ch",
    ]
