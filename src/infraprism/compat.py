"""What single backends read that OpenTelemetry's names do not give: attributes in, further attributes out.

`PROFILES` is the table, and `extras` the one function. Pure: no clock, no I/O, nothing but text and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from infraprism import semconv
from infraprism.pricing import money

Value = str | int | float | tuple[str, ...]

_ENTITY_ATTRIBUTES: Final = (semconv.ENTITY_TYPE, semconv.ENTITY_ID)
#: Parts of a cost that are of the output; all others are of the input, or of nothing that has tokens.
_OUTPUTS: Final = ("output", "reasoning", "output_audio", "output_image")
_INPUTS: Final = (
    "input",
    "cache_read",
    "cache_write",
    "input_audio",
    "input_image",
    "cache_read_audio",
    "cache_read_image",
    "input_characters",
)


class _Span:
    """A span's attributes, as the rows of the table ask for them. None, or empty: nothing to add."""

    def __init__(self, attributes: Mapping[str, Any], *, is_root: bool) -> None:
        self.attributes = attributes
        self.is_root = is_root

    def session(self) -> str | None:
        return self.attributes.get(semconv.SESSION_ID)

    def user(self) -> str | None:
        return self.attributes.get(semconv.USER_ID)

    def customer(self) -> str | None:
        is_customer = self.attributes.get(semconv.ENTITY_TYPE) == "customer"
        return self.attributes.get(semconv.ENTITY_ID) if is_customer else None

    def tags(self) -> dict[str, str]:
        prefix = semconv.TAG_PREFIX
        return {
            name[len(prefix) :]: value for name, value in self.attributes.items() if name.startswith(prefix)
        }

    def labels(self) -> tuple[str, ...]:
        """The tags, for who has no keys to them."""
        return tuple(f"{key}={value}" for key, value in self.tags().items())

    def comma_labels(self) -> str | None:
        """The same as one text; a tag with a comma would come apart in it, and is left out."""
        return ",".join(label for label in self.labels() if "," not in label) or None

    def is_call(self) -> bool:
        """Whether it is a call, and not one that another span counts."""
        operation = self.attributes.get(semconv.OPERATION_NAME)
        return operation in semconv.CALL_OPERATIONS and semconv.COST_COUNTED_IN not in self.attributes

    def kind(self) -> str | None:
        if not self.is_call():
            return None
        embeds = self.attributes[semconv.OPERATION_NAME] == semconv.OPERATION_EMBEDDINGS
        return "EMBEDDING" if embeds else "LLM"

    def of_call(self, *names: str) -> Any:
        """The first of these that a call has."""
        found = (self.attributes.get(name) for name in names)
        return next((value for value in found if value is not None), None) if self.is_call() else None

    def total_tokens(self) -> int | None:
        inputs = self.of_call(semconv.USAGE_INPUT_TOKENS)
        outputs = self.of_call(semconv.USAGE_OUTPUT_TOKENS)
        return None if inputs is None and outputs is None else (inputs or 0) + (outputs or 0)

    def cost(self) -> float | None:
        return self.attributes.get(semconv.USAGE_COST) if semconv.COST_AMOUNT in self.attributes else None

    def part(self, names: tuple[str, ...]) -> float | None:
        amounts = [self.attributes.get(semconv.COST_PREFIX + name) for name in names]
        known = [Decimal(amount) for amount in amounts if isinstance(amount, str)]
        return float(money.total(known)) if known else None

    def costs(self, inputs: str, outputs: str, total: str) -> str | None:
        """The cost in JSON, under these names."""
        if (cost := self.cost()) is None:
            return None
        return _json({inputs: self.part(_INPUTS), outputs: self.part(_OUTPUTS), total: cost})

    def exclusive_usage(self) -> str | None:
        """The usage in JSON with every token once: what is in a part is not in the whole."""
        if (total := self.total_tokens()) is None:
            return None
        get = self.attributes.get
        cached, written = (
            get(semconv.USAGE_CACHE_READ_INPUT_TOKENS),
            get(semconv.USAGE_CACHE_CREATION_INPUT_TOKENS),
        )
        inputs, outputs = get(semconv.USAGE_INPUT_TOKENS), get(semconv.USAGE_OUTPUT_TOKENS)
        reasoned = get(semconv.USAGE_REASONING_OUTPUT_TOKENS)
        return _json(
            {
                "input": None if inputs is None else inputs - (cached or 0) - (written or 0),
                "input_cached_tokens": cached,
                "cache_creation_input_tokens": written,
                "output": None if outputs is None else outputs - (reasoned or 0),
                "output_reasoning_tokens": reasoned,
                "total": total,
            }
        )

    def whose(self) -> str | None:
        """Session and entity in JSON."""
        known = {name: self.attributes.get(name) for name in (semconv.SESSION_ID, *_ENTITY_ATTRIBUTES)}
        return _json({name.removeprefix("infraprism."): value for name, value in known.items()})


def _json(values: Mapping[str, Any]) -> str | None:
    known = {name: value for name, value in values.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, separators=(",", ":")) if known else None


#: What to add, and how to get it: a value, or a dict of values where the name is a prefix.
Row = tuple[str, Callable[[_Span], Any]]

_OPENINFERENCE: Final[tuple[Row, ...]] = (
    (semconv.OPENINFERENCE_SPAN_KIND, _Span.kind),
    (semconv.OPENINFERENCE_MODEL, lambda s: s.of_call(semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL)),
    (semconv.OPENINFERENCE_PROVIDER, lambda s: s.of_call(semconv.PROVIDER_NAME)),
    (semconv.OPENINFERENCE_PROMPT, lambda s: s.of_call(semconv.USAGE_INPUT_TOKENS)),
    (semconv.OPENINFERENCE_COMPLETION, lambda s: s.of_call(semconv.USAGE_OUTPUT_TOKENS)),
    (semconv.OPENINFERENCE_TOTAL, _Span.total_tokens),
    (semconv.OPENINFERENCE_CACHE_READ, lambda s: s.of_call(semconv.USAGE_CACHE_READ_INPUT_TOKENS)),
    (semconv.OPENINFERENCE_CACHE_WRITE, lambda s: s.of_call(semconv.USAGE_CACHE_CREATION_INPUT_TOKENS)),
    (semconv.OPENINFERENCE_REASONING, lambda s: s.of_call(semconv.USAGE_REASONING_OUTPUT_TOKENS)),
    (semconv.OPENINFERENCE_TAGS, _Span.labels),
)
PROFILES: Final[Mapping[str, tuple[Row, ...]]] = {
    "braintrust": (
        (semconv.BRAINTRUST_METADATA, _Span.whose),
        (semconv.BRAINTRUST_METRICS, lambda s: _json({"estimated_cost": s.cost()})),
        (semconv.BRAINTRUST_TAGS, _Span.labels),
    ),
    # Whatever it does not know below `gen_ai.` is a tag to it: the prefix keeps a tag from passing for what
    # it does know.
    "datadog": ((semconv.DATADOG_TAG_PREFIX, _Span.tags), (semconv.DATADOG_USER, _Span.user)),
    "grafana": (),
    "honeycomb": (),
    "laminar": (
        (semconv.LAMINAR_SESSION, _Span.session),
        (semconv.LAMINAR_USER, _Span.user),
        (semconv.LAMINAR_TAGS, _Span.labels),
        (semconv.LAMINAR_INPUT_COST, lambda s: s.part(_INPUTS)),
        (semconv.LAMINAR_OUTPUT_COST, lambda s: s.part(_OUTPUTS)),
    ),
    # It takes every number below `gen_ai.usage.` for tokens of their own, unless it is told.
    "langfuse": (
        (semconv.LANGFUSE_USAGE_DETAILS, _Span.exclusive_usage),
        (semconv.LANGFUSE_COST_DETAILS, lambda s: s.costs("input", "output", "total")),
        (semconv.LANGFUSE_TAGS, _Span.labels),
    ),
    "langsmith": (
        (semconv.LANGSMITH_SESSION, _Span.session),
        (semconv.LANGSMITH_USER, _Span.user),
        (semconv.LANGSMITH_TAGS, _Span.comma_labels),
    ),
    "logfire": ((semconv.LOGFIRE_COST, _Span.cost), (semconv.LOGFIRE_TAGS, _Span.labels)),
    "mlflow": (
        (semconv.MLFLOW_COST, lambda s: s.costs("input_cost", "output_cost", "total_cost")),
        (semconv.MLFLOW_TAG_PREFIX, lambda s: s.tags() if s.is_root else None),
    ),
    "openinference": _OPENINFERENCE,
    "openlit": ((semconv.OPENLIT_USER, _Span.user), (semconv.OPENLIT_TOTAL, _Span.total_tokens)),
    "opik": ((semconv.OPIK_TAGS, _Span.labels),),
    "phoenix": _OPENINFERENCE,
    # Session and user last: a tag of their name must not pass for them.
    "traceloop": (
        (semconv.TRACELOOP_PREFIX, _Span.tags),
        (semconv.TRACELOOP_SESSION, _Span.session),
        (semconv.TRACELOOP_USER, _Span.user),
        (semconv.TRACELOOP_PREFIX + "customer_id", _Span.customer),
    ),
}


def extras(profiles: Iterable[str], attributes: Mapping[str, Any], *, is_root: bool) -> dict[str, Value]:
    """What the backends called `profiles` read beside `attributes`, the attributes of a span of ours.

    Nothing that the span carries already is in it.

    Args:
        is_root: whether the span is the first of its trace; tags of a whole trace belong there.
    """
    span = _Span(attributes, is_root=is_root)
    found: dict[str, Value] = {}
    for profile in profiles:
        for name, get in PROFILES[profile]:
            value = get(span)
            if value is None or value == ():
                continue
            if isinstance(value, dict):
                found.update({name + key: text for key, text in value.items()})
            else:
                found[name] = value
    return {name: value for name, value in found.items() if name not in attributes}
