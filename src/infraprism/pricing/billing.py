"""What is billed of a usage: each quantity once, and by which rate of the price list."""

from __future__ import annotations

from decimal import Decimal

from infraprism.pricing.rates import Rate, Rates
from infraprism.pricing.usage import FURTHER, NOTHING, Usage

#: Name of the part of a cost, key of its rate, quantity.
Item = tuple[str, str, Decimal | int]

#: Key of what the list has no word for.
_NO_KEY = ""


def billed(usage: Usage, listed: Rates) -> tuple[list[Item], bool]:
    """What is billed of `usage` by its count, and whether something that must have been used is not in it.

    A part of the tokens for which the list has no rate of its own costs what its whole costs, except audio:
    audio is billed by itself wherever a model has it.
    """
    items: list[Item] = []
    gap = False
    further = usage[FURTHER:] != NOTHING
    inputs, outputs = usage.input_tokens, usage.output_tokens
    if inputs is not None:
        cached, heard = usage.cache_read_tokens, usage.input_audio_tokens
        if further:
            inputs, cached, heard = _kinds_of_input(usage, listed, items)
        if cached and "cache_read_mtok" in listed:
            items.append(("cache_read", "cache_read_mtok", cached))
            inputs -= cached
        if (written := usage.cache_write_tokens) and "cache_write_mtok" in listed:
            items.append(("cache_write", "cache_write_mtok", written))
            inputs -= written
        if heard:
            items.append(("input_audio", "input_audio_mtok", heard))
            inputs -= heard
        items.append(("input", "input_mtok", inputs))
    elif "input_mtok" in listed:
        gap = True
    if outputs is not None:
        if (reasoned := usage.reasoning_tokens) and "output_reasoning_mtok" in listed:
            items.append(("reasoning", "output_reasoning_mtok", reasoned))
            outputs -= reasoned
        if spoken := usage.output_audio_tokens:
            items.append(("output_audio", "output_audio_mtok", spoken))
            outputs -= spoken
        drawn = usage.output_image_tokens
        if "output_image_mtok" in listed:
            # Images cost more than text: where it is not said how many of the tokens were theirs, the rate of
            # text gives a floor.
            gap = gap or (drawn is None and outputs > 0)
            if drawn:
                items.append(("output_image", "output_image_mtok", drawn))
                outputs -= drawn
        elif drawn:
            # A list that knows the model's images has no rate for those that it makes where it makes nothing
            # else: the rate of output is theirs. Otherwise it is that of text, a floor.
            gap = gap or "input_image_mtok" not in listed
        items.append(("output", "output_mtok", outputs))
    elif "output_mtok" in listed and listed["output_mtok"].base:
        gap = True
    if further:
        _others(usage, items)
    if "requests_kcount" in listed:
        items.append(("requests", "requests_kcount", 1))
    return items, gap


def hourly(listed: Rates) -> Rate | None:
    """The rate of an hour of audio that was sent; the list may have one for audio of either way."""
    return listed.get("input_audio_hours") or listed.get("audio_hours")


def unmeasured(listed: Rates, items: list[Item]) -> bool:
    """Whether the model has a price for something that no usage measures, pages or pixels, and that may
    have been used.

    Tokens are measured whole, and tools that are not reported were not used.
    """
    measured = {key for _, key, _ in items}
    return any(
        rate.base and key not in measured and not key.endswith(("_mtok", "_kcount"))
        for key, rate in listed.items()
    )


def _kinds_of_input(usage: Usage, listed: Rates, items: list[Item]) -> tuple[int, int, int]:
    """Bill what is to be told apart by its kind, audio or image; return the input, cached and audio tokens
    that are left.

    A cached token of a kind is in both wholes. Without a rate for the two together it costs what its kind
    costs.
    """
    inputs, cached = usage.input_tokens or 0, usage.cache_read_tokens or 0
    heard, seen = usage.input_audio_tokens or 0, usage.input_image_tokens or 0
    if cached_heard := usage.cache_read_audio_tokens:
        cached -= cached_heard
        if "cache_audio_read_mtok" in listed:
            items.append(("cache_read_audio", "cache_audio_read_mtok", cached_heard))
            inputs -= cached_heard
            heard -= cached_heard
    # In a model without a rate for images they cost what text costs: that is how images in a chat are billed.
    if "input_image_mtok" in listed:
        if cached_seen := usage.cache_read_image_tokens:
            cached -= cached_seen
            if "cache_image_read_mtok" in listed:
                items.append(("cache_read_image", "cache_image_read_mtok", cached_seen))
                inputs -= cached_seen
                seen -= cached_seen
        if seen:
            items.append(("input_image", "input_image_mtok", seen))
            inputs -= seen
    return inputs, cached, heard


def _others(usage: Usage, items: list[Item]) -> None:
    """Bill what is not counted in tokens."""
    if (characters := usage.input_characters) is not None:
        items.append(("input_characters", "input_mchars", characters))
    if searches := usage.web_searches:
        items.append(("web_searches", "web_searches_kcount", searches))
    if searches := usage.file_searches:
        items.append(("file_searches", "storage_searches_kcount", searches))
    if images := usage.images:
        items.append(("images", _NO_KEY, images))
    if seconds := usage.video_seconds:
        items.append(("video_seconds", _NO_KEY, seconds))
