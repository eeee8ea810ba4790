"""What other instrumentations say of a model call, whatever they call it. Pure.

`semconv.SPELLINGS` is the table of their names. Langfuse's own client has its facts in JSON texts instead,
and Logfire the API's usage beside its totals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from infraprism import semconv
from infraprism.pricing import Usage, money
from infraprism.pricing import read as read_usage

#: How other instrumentations say that a span is a model call, and what it does. The first attribute that a
#: span has decides.
_OPERATIONS: Final[tuple[tuple[str, Mapping[Any, str]], ...]] = (
    (semconv.OPERATION_NAME, {operation: operation for operation in semconv.CALL_OPERATIONS}),
    (
        semconv.OPENLLMETRY_REQUEST_TYPE,
        {
            "chat": semconv.OPERATION_CHAT,
            "completion": semconv.OPERATION_TEXT_COMPLETION,
            "embedding": semconv.OPERATION_EMBEDDINGS,
        },
    ),
    (
        semconv.OPENINFERENCE_SPAN_KIND,
        {"LLM": semconv.OPERATION_CHAT, "EMBEDDING": semconv.OPERATION_EMBEDDINGS},
    ),
    (
        semconv.LANGFUSE_OBSERVATION_TYPE,
        {"generation": semconv.OPERATION_CHAT, "embedding": semconv.OPERATION_EMBEDDINGS},
    ),
)
#: A span with none of these is no model call: nearly all are not.
TELLING: Final = frozenset({name for name, _ in _OPERATIONS} | {semconv.COST_STATUS})
#: How they spell a provider, in lower case → OpenTelemetry's name. All others are taken as they are.
_PROVIDERS: Final = {
    "aws": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gcp.gen_ai": "gcp.gemini",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshotai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}
#: No call costs more, in USD: beyond it, what is said is not a cost.
_MAX_COST: Final = 10**12
#: Langfuse's own words. Other than everybody's, they count what is in no other part.
_LANGFUSE_INPUTS: Final = {
    "input": None,
    "input_cached_tokens": "cached_tokens",
    "cache_read_input_tokens": "cached_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "input_audio_tokens": "audio_tokens",
}
_LANGFUSE_OUTPUTS: Final = {
    "output": None,
    "output_reasoning_tokens": "reasoning_tokens",
    "output_audio_tokens": "audio_tokens",
}


class Facts(NamedTuple):
    """What prices a call.

    Attributes:
        provider: OpenTelemetry's name; empty where it is not said.
        model: the served one, else the one that was asked for.
        service_tier: the served one.
        usage: what was reported; None where nothing was.
    """

    provider: str
    model: str | None
    service_tier: str | None
    usage: Usage | None


def read(attributes: Mapping[str, Any]) -> Facts:
    """The facts of a model call."""
    provider = _text(attributes, semconv.PROVIDER_NAME) or ""
    lower = provider.lower()
    return Facts(
        _PROVIDERS.get(lower, lower),
        _text(attributes, semconv.RESPONSE_MODEL) or asked_model(attributes),
        _text(attributes, semconv.OPENAI_RESPONSE_SERVICE_TIER),
        _usage(attributes),
    )


def asked_model(attributes: Mapping[str, Any]) -> str | None:
    """The model that was asked for."""
    return _text(attributes, semconv.REQUEST_MODEL)


def own_cost(attributes: Mapping[str, Any]) -> Decimal | None:
    """What the instrumentation reckons that the call costs, in USD; None for 0, which they say when they
    do not know.
    """
    said = [attributes.get(name) for name in semconv.COST_SPELLINGS]
    details = _json(attributes.get(semconv.LANGFUSE_COST_DETAILS))
    for cost in (*said, details.get("total")):
        if isinstance(cost, int | float) and cost is not True and 0 < cost <= _MAX_COST:
            return money.written(cost)
    return None


def operation_of(attributes: Mapping[str, Any]) -> str | None:
    """What a model call does, as OpenTelemetry names it; None where the attributes tell of no model call."""
    for name, operations in _OPERATIONS:
        said = attributes.get(name)
        if said is not None:
            return operations.get(said) if isinstance(said, str) else None
    return None


class Owner(NamedTuple):
    """Whose a span is, as another instrumentation says it. Not said: None, or no tags."""

    session_id: str | None
    user_id: str | None
    tags: tuple[str, ...]


def owner(attributes: Mapping[str, Any]) -> Owner:
    """Whose a span is, by what others call a session, a user and tags."""
    return Owner(
        _first(attributes, semconv.SESSION_SPELLINGS),
        _first(attributes, semconv.USER_SPELLINGS),
        tuple(tag for name in semconv.TAGS_SPELLINGS for tag in _texts(attributes.get(name))),
    )


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [tag for part in value.split(",") if (tag := part.strip())]
    return [tag for tag in value if isinstance(tag, str) and tag] if isinstance(value, list | tuple) else []


def is_pending(attributes: Mapping[str, Any]) -> bool:
    """Whether the response is still to come: whoever fetches it gets its usage."""
    reasons = attributes.get(semconv.RESPONSE_FINISH_REASONS)
    return (
        isinstance(reasons, list | tuple)
        and bool(reasons)
        and all(isinstance(reason, str) and reason in semconv.PENDING_REASONS for reason in reasons)
    )


def _said(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return value
    return None


def _value(attributes: Mapping[str, Any], name: str) -> Any:
    value = attributes.get(name)
    return _said(attributes, semconv.SPELLINGS[name]) if value is None else value


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = _value(attributes, name)
    return value if isinstance(value, str) and value else None


def _usage(attributes: Mapping[str, Any]) -> Usage | None:
    """The usage, checked as an API's own is: as one of the shapes that are read of those."""
    inputs = _value(attributes, semconv.USAGE_INPUT_TOKENS)
    outputs = _value(attributes, semconv.USAGE_OUTPUT_TOKENS)
    if inputs is None and outputs is None:
        details = attributes.get(semconv.LANGFUSE_USAGE_DETAILS)
        return None if details is None else _langfuse(_json(details))
    if (raw := attributes.get(semconv.LOGFIRE_USAGE)) is not None:
        whole = read_usage(_json(raw))
        # It has parts that no attribute has. Another API's may count its cache beside the input.
        if whole is not None and (whole.input_tokens, whole.output_tokens) == (inputs, outputs):
            return whole
    return read_usage(
        {
            "prompt_tokens": inputs,
            "completion_tokens": outputs,
            "prompt_tokens_details": {
                "cached_tokens": _value(attributes, semconv.USAGE_CACHE_READ_INPUT_TOKENS),
                "cache_write_tokens": _value(attributes, semconv.USAGE_CACHE_CREATION_INPUT_TOKENS),
                "audio_tokens": _said(attributes, semconv.INPUT_AUDIO_SPELLINGS),
                "cached_tokens_details": _cached_audio(attributes),
            },
            "completion_tokens_details": {
                "reasoning_tokens": _value(attributes, semconv.USAGE_REASONING_OUTPUT_TOKENS),
                "audio_tokens": _said(attributes, semconv.OUTPUT_AUDIO_SPELLINGS),
            },
        }
    )


def _cached_audio(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    tokens = _said(attributes, semconv.CACHED_AUDIO_SPELLINGS)
    return None if tokens is None else {"audio_tokens": tokens}


def _json(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _langfuse(details: dict[str, Any]) -> Usage | None:
    """Langfuse's usage: as OpenAI's API has it, or in its own words."""
    if "input" not in details and "output" not in details:
        return read_usage(details)
    known = _LANGFUSE_INPUTS.keys() | _LANGFUSE_OUTPUTS.keys() | {"total"}
    reported: dict[str, Any] = {}
    for whole, parts in (("prompt_tokens", _LANGFUSE_INPUTS), ("completion_tokens", _LANGFUSE_OUTPUTS)):
        counts = {name: details[name] for name in parts if type(details.get(name)) is int}
        if counts:
            reported[whole] = sum(counts.values())
        reported[f"{whole}_details"] = {parts[name]: count for name, count in counts.items() if parts[name]}
    return read_usage(reported, unpriced=tuple(sorted(name for name in details if name not in known)))
