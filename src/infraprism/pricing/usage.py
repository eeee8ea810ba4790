"""What a call used, read from the `usage` that the API reported and checked.

OpenAI's usage is inclusive: cached and audio tokens are inside the input tokens, reasoning and audio tokens
inside the output tokens. A detail is therefore never added to its whole. What cannot be (a detail above its
whole, a negative or fractional count) is dropped and named in `Usage.invalid`; nothing else is lost.

Shapes read: chat completions and embeddings (``prompt_tokens``/``completion_tokens``) and responses
(``input_tokens``/``output_tokens``), https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

#: The largest count that fits the integer columns and attributes it will travel through.
_MAX_COUNT = 2**63 - 1


class Usage(NamedTuple):
    """Billed quantities of one call, in tokens; None where the API reported none."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    #: Parts of `input_tokens`.
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    input_audio_tokens: int | None = None
    #: Parts of `output_tokens`.
    reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    #: Names of the fields above whose reported value was impossible and has been dropped.
    invalid: tuple[str, ...] = ()
    #: Things the call is known to be billed for beside its tokens, which have no price here.
    unpriced: tuple[str, ...] = ()


def getter(source: Any) -> Callable[[Any, str, Any], Any]:
    """How to get a named value of `source`, a dict or an object: called with it, the name and a default."""
    return dict.get if isinstance(source, dict) else getattr


def read(reported: Any, *, unpriced: tuple[str, ...] = ()) -> Usage | None:
    """Read a usage object (a dict, or the client's own model); None where nothing was reported.

    `unpriced` names what the call is billed for beside its tokens; it is carried into the result.
    """
    if reported is None:
        return None
    get = getter(reported)
    invalid: list[str] = []
    inputs = get(reported, "prompt_tokens", None)
    if inputs is not None:
        outputs = get(reported, "completion_tokens", None)
        input_details = get(reported, "prompt_tokens_details", None)
        output_details = get(reported, "completion_tokens_details", None)
    else:
        inputs = get(reported, "input_tokens", None)
        outputs = get(reported, "output_tokens", None)
        input_details = get(reported, "input_tokens_details", None)
        output_details = get(reported, "output_tokens_details", None)
        if outputs is None and inputs is None:  # half of a chat completion's
            outputs = get(reported, "completion_tokens", None)
            output_details = get(reported, "completion_tokens_details", None)
    inputs = _count(inputs, "input_tokens", _MAX_COUNT, invalid)
    outputs = _count(outputs, "output_tokens", _MAX_COUNT, invalid)
    if inputs is None and outputs is None and not invalid:
        return None
    # Limiting each detail to what the ones before it left keeps their sum inside the whole.
    cache_read = cache_write = input_audio = reasoning = output_audio = None
    if input_details is not None:
        get = getter(input_details)
        left = _MAX_COUNT if inputs is None else inputs
        cache_read = _count(get(input_details, "cached_tokens", None), "cache_read_tokens", left, invalid)
        left -= cache_read or 0
        written = get(input_details, "cache_write_tokens", None)
        cache_write = _count(written, "cache_write_tokens", left, invalid)
        left -= cache_write or 0
        input_audio = _count(get(input_details, "audio_tokens", None), "input_audio_tokens", left, invalid)
    if output_details is not None:
        get = getter(output_details)
        left = _MAX_COUNT if outputs is None else outputs
        reasoning = _count(get(output_details, "reasoning_tokens", None), "reasoning_tokens", left, invalid)
        left -= reasoning or 0
        output_audio = _count(get(output_details, "audio_tokens", None), "output_audio_tokens", left, invalid)
    return Usage(
        inputs,
        outputs,
        cache_read,
        cache_write,
        input_audio,
        reasoning,
        output_audio,
        tuple(invalid),
        unpriced,
    )


def _count(value: Any, name: str, limit: int, invalid: list[str]) -> int | None:
    """`value` as a count from 0 to `limit`; else None, and unless nothing was reported, its name noted."""
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= limit:
        invalid.append(name)
        return None
    return value
