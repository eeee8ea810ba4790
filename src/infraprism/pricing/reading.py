"""Usage as an API reported it, read and checked.

OpenAI's usage is inclusive: cached, audio and image tokens are inside the input tokens, reasoning, audio and
image tokens inside the output tokens. A detail is therefore never added to its whole. What cannot be (a
detail above its whole, a negative or fractional count) is dropped and named in `Usage.invalid`; nothing else
is lost.

Shapes read, https://platform.openai.com/docs/api-reference:

- chat completions, completions, embeddings: ``prompt_tokens``, ``completion_tokens``;
- responses, batches, decisions, images: ``input_tokens``, ``input_tokens_details`` …;
- realtime and transcriptions: ``input_tokens``, ``input_token_details`` …; by duration: ``seconds``;
- of imitators also ``prompt_cache_hit_tokens`` (DeepSeek), ``cached_tokens`` (Moonshot),
  ``cache_creation_input_tokens`` (LiteLLM beside the details, Alibaba inside of them), ``cost``
  (OpenRouter, Perplexity), ``cost_in_usd_ticks`` (xAI), whose reasoning tokens only the total counts, and
  ``prompt_audio_seconds`` (Mistral), whose tokens of audio, billed by the second, only the total counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infraprism.pricing import money
from infraprism.pricing.usage import NOTHING, Usage

#: The largest count that fits the integer columns and attributes it will travel through.
_MAX_COUNT = 2**63 - 1
#: No call costs more, in USD: beyond it, what was reported is not a cost.
_MAX_COST = 10**12
#: In a dollar, xAI's.
_TICKS = 10**10
#: Every name read here, for objects that must be asked for one after the other.
_NAMES = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens",
    "output_tokens",
    "input_tokens_details",
    "output_tokens_details",
    "input_token_details",
    "output_token_details",
    "cached_tokens",
    "cached_tokens_details",
    "cache_write_tokens",
    "cache_creation_input_tokens",
    "audio_tokens",
    "image_tokens",
    "reasoning_tokens",
    "prompt_audio_seconds",
    "prompt_cache_hit_tokens",
    "seconds",
    "cost",
    "cost_in_usd_ticks",
    "total_cost",
    "is_byok",
    "cost_details",
    "upstream_inference_cost",
)
_NO_MODEL = object()
# Usage is read in every call: a named tuple made by its own `__new__` takes a tenth of a microsecond more.
_new = tuple.__new__


def read(reported: Any, *, unpriced: tuple[str, ...] = ()) -> Usage | None:
    """Read a usage object (a dict, or the client's own model); None where nothing was reported.

    `unpriced` names what the call is billed for beside its usage; it is carried into the result.
    """
    if reported is None:
        return None
    get = reported.get if type(reported) is dict else _fields(reported).get
    invalid: list[str] = []
    of_images = False
    seconds = None
    inputs = get("prompt_tokens")
    if inputs is not None:
        if (seconds := get("prompt_audio_seconds")) is not None:
            seconds = _seconds(seconds, invalid)
        outputs = get("completion_tokens")
        input_details = get("prompt_tokens_details")
        output_details = get("completion_tokens_details")
    else:
        inputs, outputs = get("input_tokens"), get("output_tokens")
        input_details, output_details = get("input_tokens_details"), get("output_tokens_details")
        of_images = input_details is not None
        if input_details is None:
            input_details = get("input_token_details")
        if output_details is None:
            output_details = get("output_token_details")
        if outputs is None and inputs is None:  # half of a chat completion's
            outputs = get("completion_tokens")
            output_details = get("completion_tokens_details")
    inputs = _count(inputs, "input_tokens", _MAX_COUNT, invalid)
    outputs = _count(outputs, "output_tokens", _MAX_COUNT, invalid)
    total = get("total_tokens")
    if (
        type(total) is int
        and seconds is None
        and not (inputs is None or outputs is None)
        and inputs + outputs < total <= _MAX_COUNT
    ):
        outputs = _with_thoughts(total, inputs, outputs, output_details, invalid)
    cost = None
    if inputs is None and outputs is None and not invalid:
        seconds = _seconds(get("seconds"), invalid)
    if (cost := get("cost")) is not None:
        cost = _cost(cost, get("is_byok"), get("cost_details"), invalid)
    elif (ticks := get("cost_in_usd_ticks")) is not None:
        ticks = _count(ticks, "reported_cost", _MAX_COST * _TICKS, invalid)
        cost = None if ticks is None else money.EXACT.divide(Decimal(ticks), Decimal(_TICKS))
    if inputs is None and outputs is None and seconds is None and cost is None and not invalid:
        return None

    # Limiting each detail to what the ones before it left keeps their sum inside the whole.
    cached = written = heard = seen = cached_heard = cached_seen = None
    left = _MAX_COUNT if inputs is None else inputs
    if input_details is not None:
        whole, get = get, input_details.get if type(input_details) is dict else _fields(input_details).get
        if (cached := get("cached_tokens")) is None:
            cached = whole("prompt_cache_hit_tokens")
        if cached is None:
            cached = whole("cached_tokens")
        cached = _count(cached, "cache_read_tokens", left, invalid)
        left -= cached or 0
        if (written := get("cache_write_tokens")) is None:
            written = get("cache_creation_input_tokens") or whole("cache_creation_input_tokens")
        written = _count(written, "cache_write_tokens", left, invalid)
        left -= written or 0
        heard, seen, of_cached = get("audio_tokens"), get("image_tokens"), get("cached_tokens_details")
        if of_cached is None:
            heard = _count(heard, "input_audio_tokens", left, invalid)
            left -= heard or 0
            if seen is not None:
                seen = _count(seen, "input_image_tokens", left, invalid)
        else:
            of = _fields(of_cached).get
            heard, cached_heard = _kind("audio", heard, of("audio_tokens"), left, cached or 0, invalid)
            left -= (heard or 0) - (cached_heard or 0)
            rest = (cached or 0) - (cached_heard or 0)
            seen, cached_seen = _kind("image", seen, of("image_tokens"), left, rest, invalid)
    else:
        if (cached := get("prompt_cache_hit_tokens")) is None:
            cached = get("cached_tokens")
        cached = _count(cached, "cache_read_tokens", left, invalid)
    reasoned = spoken = drawn = None
    if output_details is not None:
        get = output_details.get if type(output_details) is dict else _fields(output_details).get
        left = _MAX_COUNT if outputs is None else outputs
        reasoned = _count(get("reasoning_tokens"), "reasoning_tokens", left, invalid)
        left -= reasoned or 0
        spoken = _count(get("audio_tokens"), "output_audio_tokens", left, invalid)
        left -= spoken or 0
        if (drawn := get("image_tokens")) is not None:
            drawn = _count(drawn, "output_image_tokens", left, invalid)
    elif of_images and seen is not None:
        # Of all that is spelled like this only the images API reads images, and it makes nothing else.
        drawn = outputs
    names = tuple(invalid) if invalid else ()
    counts = (inputs, outputs, cached, written, heard, reasoned, spoken, names, unpriced)
    usage = _new(Usage, counts + NOTHING)
    if seen is drawn is cached_heard is cached_seen is seconds is cost is None:
        return usage
    return usage._replace(
        input_image_tokens=seen,
        output_image_tokens=drawn,
        cache_read_audio_tokens=cached_heard,
        cache_read_image_tokens=cached_seen,
        audio_seconds=seconds,
        reported_cost=cost,
    )


def _fields(source: Any) -> Mapping[str, Any]:
    """The named values of a dict or an object.

    Of the client's models, what they hold: to ask them for a name that they do not have takes a microsecond.
    """
    extra: Any = getattr(source, "__pydantic_extra__", _NO_MODEL)
    if extra is not _NO_MODEL:
        held: dict[str, Any] = source.__dict__
        return {**held, **extra} if extra else held
    if isinstance(source, dict):
        return source
    return {name: getattr(source, name, None) for name in _NAMES}


def _count(value: Any, name: str, limit: int, invalid: list[str]) -> int | None:
    """`value` as a count from 0 to `limit`; else None, and unless nothing was reported, its name noted."""
    if type(value) is int and 0 <= value <= limit:
        return value
    if value is None:
        return None
    if type(value) is float and value.is_integer() and 0 <= value <= limit:
        return int(value)
    invalid.append(name)
    return None


def _kind(
    name: str, tokens: Any, cached: Any, left: int, cached_left: int, invalid: list[str]
) -> tuple[int | None, int | None]:
    """Input tokens of the kind `name`, and how many of them were cached, as counts.

    A cached token is in both wholes: `cached_left` limits those that are, `left` those that are not.
    """
    found = _count(tokens, f"input_{name}_tokens", left + cached_left, invalid)
    found_cached = _count(cached, f"cache_read_{name}_tokens", min(cached_left, found or 0), invalid)
    if found is not None and found - (found_cached or 0) > left:
        invalid.append(f"input_{name}_tokens")
        if found_cached:
            invalid.append(f"cache_read_{name}_tokens")
        return None, None
    return found, found_cached


def _with_thoughts(total: int, inputs: int, outputs: int, details: Any, invalid: list[str]) -> int:
    """The output tokens, with those that only the total counts, where they are the reasoning tokens.

    They were thought, and are billed as output. A total that nothing explains is not believed, and named.
    """
    thought = None if details is None else _fields(details).get("reasoning_tokens")
    if thought == total - inputs - outputs:
        return total - inputs
    invalid.append("total_tokens")
    return outputs


def _seconds(value: Any, invalid: list[str]) -> Decimal | int | None:
    """`value` as a length of audio, exactly as it was written."""
    if value is None:
        return None
    if (type(value) is not int and type(value) is not float) or not 0 <= value <= _MAX_COUNT:
        invalid.append("audio_seconds")
        return None
    return int(value) if value == int(value) else money.written(value)


def _cost(cost: Any, own_key: Any, details: Any, invalid: list[str]) -> Decimal | None:
    """The provider's own figure for the whole call, in USD (OpenRouter's credits are dollars)."""
    if type(cost) is not int and type(cost) is not float and not isinstance(cost, str | bool):
        cost = _fields(cost).get("total_cost")  # Perplexity's, in parts
    charged = _amount(cost, invalid)
    if charged is None or own_key is not True:
        return charged
    # OpenRouter, with the caller's own key for the model's provider: `cost` is only OpenRouter's fee.
    upstream = None if details is None else _amount(_fields(details).get("upstream_inference_cost"), invalid)
    return None if upstream is None else money.EXACT.add(charged, upstream)


def _amount(value: Any, invalid: list[str]) -> Decimal | None:
    if value is None:
        return None
    if (type(value) is not int and type(value) is not float) or not 0 <= value <= _MAX_COST:
        invalid.append("reported_cost")
        return None
    return money.written(value)
