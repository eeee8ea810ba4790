"""The usage of a call that was stored, which may come from anywhere: put together, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from infraprism.pricing.usage import Usage

#: Fields of `Usage` that OpenTelemetry's conventions have no word for → whether it is a length in seconds,
#: which may have a fraction.
FURTHER_FIELDS: Final = {
    "input_audio_tokens": False,
    "output_audio_tokens": False,
    "input_image_tokens": False,
    "output_image_tokens": False,
    "cache_read_audio_tokens": False,
    "cache_read_image_tokens": False,
    "input_characters": False,
    "audio_seconds": True,
    "images": False,
    "video_seconds": True,
    "web_searches": False,
    "file_searches": False,
}


def with_further(usage: Usage, quantities: Mapping[str, Decimal]) -> Usage:
    """`usage` with the further `quantities`: counts as `int`, lengths as `Decimal`."""
    known: dict[str, Any] = {
        name: quantity if FURTHER_FIELDS[name] else int(quantity)
        for name, quantity in quantities.items()
        if name in FURTHER_FIELDS
    }
    return usage._replace(**known)


def is_possible(usage: Usage) -> bool:
    """Whether no part is above its whole: only then no amount comes out negative."""
    inputs, outputs = usage.input_tokens or 0, usage.output_tokens or 0
    cached, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    heard, seen = usage.input_audio_tokens or 0, usage.input_image_tokens or 0
    cached_heard, cached_seen = usage.cache_read_audio_tokens or 0, usage.cache_read_image_tokens or 0
    made = (usage.reasoning_tokens or 0) + (usage.output_audio_tokens or 0) + (usage.output_image_tokens or 0)
    # What is cached of a kind is in both of its wholes, and counts once.
    return (
        cached + written + heard + seen - cached_heard - cached_seen <= inputs
        and made <= outputs
        and cached_heard <= heard
        and cached_seen <= seen
        and cached_heard + cached_seen <= cached
    )
