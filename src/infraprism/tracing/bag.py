"""The SDK's bag of span attributes, where the API is too slow or comes too late.

The functions use private names of the SDK and fall back on the API where they are not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span

AttributeValue = str | bool | int | float | Sequence[str]


def read(span: ReadableSpan | Span) -> Mapping[str, Any]:
    """The attributes of a span, to look some up: the SDK's own view is slow for what is not there."""
    known = getattr(getattr(span, "_attributes", None), "_dict", None)
    return known if isinstance(known, dict) else getattr(span, "attributes", None) or {}


def write(span: Span, attributes: Mapping[str, AttributeValue]) -> None:
    """Put attributes on a span that has not ended.

    `set_attributes` checks and copies every value again; ours are plain already. Where the span limits
    apply, `set_attributes` applies them.
    """
    bag: Any = getattr(span, "_attributes", None)
    try:
        known = bag._dict
        if (
            not bag._immutable
            and span._end_time is None  # type: ignore[attr-defined]  # before SDK 1.43 no bag is frozen
            and bag.max_value_len is None
            and (bag.maxlen is None or len(known) + len(attributes) <= bag.maxlen)
            and type(known) is dict
        ):
            with bag._lock:
                known.update(attributes)
            return
    except AttributeError:
        pass
    span.set_attributes(attributes)


def write_late(span: Any, attributes: Mapping[str, AttributeValue]) -> None:
    """Put attributes on a span from within a processor's `_on_ending`, or `on_end` before SDK 1.40.

    By then the span takes none any more, and since SDK 1.43 they are frozen, so that `set_attribute` does not
    reach the exporters (opentelemetry-python#5614). The thread that ends the span still owns it and may thaw
    them.
    """
    bag: Any = getattr(span, "_attributes", None)
    if not isinstance(bag, BoundedAttributes):
        span.set_attributes(attributes)
        return
    known: Any = getattr(bag, "_dict", None)
    lock = getattr(bag, "_lock", None)
    if lock is not None and _fit(attributes, bag, known):
        with lock:
            known.update(attributes)
        return
    frozen = getattr(bag, "_immutable", False)
    bag._immutable = False
    try:
        for key, value in attributes.items():
            bag[key] = value
    finally:
        bag._immutable = frozen


def _fit(attributes: Mapping[str, AttributeValue], bag: Any, known: Any) -> bool:
    """Whether no limit of the span touches these."""
    return (
        type(known) is dict
        and bag.max_value_len is None
        and (bag.maxlen is None or len(known) + len(attributes) <= bag.maxlen)
    )
