"""What a call used, read from the `usage` that the API reported and checked.

OpenAI's usage is inclusive: cached and audio tokens are inside the input tokens, reasoning and audio tokens
inside the output tokens. A detail is therefore never added to its whole. What cannot be (a detail above its
whole, a negative or fractional count) is dropped and named in `Usage.invalid`; nothing else is lost.

Shapes read: chat completions and embeddings (``prompt_tokens``/``completion_tokens``) and responses
(``input_tokens``/``output_tokens``), https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The largest count that fits the integer columns and attributes it will travel through.
_MAX_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Usage:
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


def field(source: Any, name: str) -> Any:
    """The value called `name` in a mapping or on an object; None where there is none."""
    if isinstance(source, Mapping):
        return source.get(name)
    return getattr(source, name, None)


def read(reported: Any, *, unpriced: tuple[str, ...] = ()) -> Usage | None:
    """Read a usage object (a mapping, or the client's own model); None where nothing was reported.

    `unpriced` names what the call is billed for beside its tokens; it is carried into the result.
    """
    if reported is None:
        return None
    chat = field(reported, "prompt_tokens") is not None
    input_details = field(reported, "prompt_tokens_details" if chat else "input_tokens_details")
    output_details = field(reported, "completion_tokens_details" if chat else "output_tokens_details")
    invalid: list[str] = []

    def count(source: Any, key: str, name: str, limit: int | None) -> int | None:
        value = field(source, key)
        if value is None:
            return None
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not 0 <= value <= (_MAX_COUNT if limit is None else limit):
            invalid.append(name)
            return None
        return value

    inputs = count(reported, "prompt_tokens" if chat else "input_tokens", "input_tokens", None)
    outputs = count(reported, "completion_tokens" if chat else "output_tokens", "output_tokens", None)
    if inputs is None and outputs is None and not invalid:
        return None

    def split(whole: int | None, details: Any, *kinds: tuple[str, str]) -> dict[str, int | None]:
        # Limiting each detail to what the ones before it left keeps their sum inside the whole.
        left, parts = whole, {}
        for key, name in kinds:
            part = parts[name] = count(details, key, name, left)
            if left is not None:
                left -= part or 0
        return parts

    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        **split(
            inputs,
            input_details,
            ("cached_tokens", "cache_read_tokens"),
            ("cache_write_tokens", "cache_write_tokens"),
            ("audio_tokens", "input_audio_tokens"),
        ),
        **split(
            outputs,
            output_details,
            ("reasoning_tokens", "reasoning_tokens"),
            ("audio_tokens", "output_audio_tokens"),
        ),
        invalid=tuple(invalid),
        unpriced=unpriced,
    )
