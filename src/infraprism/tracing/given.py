"""What a call's span starts with, put on the span as it is.

The SDK checks and copies each attribute that a span starts with, an eighth of all that a call takes, and ours
are plain already. A tracer of ours shows them to the sampler as ever, keeps them from the SDK where the
sampler changes nothing, and puts them on the span before any processor sees it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from infraprism import guard
from infraprism.sessions import starting
from infraprism.tracing.bag import AttributeValue, write


class _Kept(threading.local):
    attributes: Mapping[str, AttributeValue] | None = None


#: What the span is to have that this thread is starting, and the SDK has not.
_kept = _Kept()


class _Asks(Sampler):
    """Asks `inner`, and keeps from the SDK what it did not change."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        """What `inner` says."""
        # First: whoever is asked may make calls of its own.
        given, starting.attributes = starting.attributes, None
        result = self._inner.should_sample(*args, **kwargs)
        keeps = given is not None and result.decision is not Decision.DROP and result.attributes == given
        _kept.attributes = given if keeps else None
        # A sampler may give the same result again and again: it is not to be changed.
        return SamplingResult(result.decision, None, result.trace_state) if keeps else result

    def get_description(self) -> str:
        """The description of `inner`."""
        return self._inner.get_description()


class _PutsOn(SpanProcessor):
    """Puts what was kept on the span, and passes all on to `inner`."""

    def __init__(self, inner: SpanProcessor) -> None:
        self._inner = inner
        self.on_end = inner.on_end  # type: ignore[method-assign]  # nothing to do there
        if hasattr(inner, "_on_ending"):
            self._on_ending = inner._on_ending  # type: ignore[method-assign]

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Before any processor."""
        self._put(span)
        self._inner.on_start(span, parent_context=parent_context)

    @guard.guarded("telemetry_error")
    def _put(self, span: Span) -> None:
        kept, _kept.attributes = _kept.attributes, None
        if kept is not None:
            write(span, kept)

    def shutdown(self) -> None:
        """Passed on."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Passed on."""
        return self._inner.force_flush(timeout_millis)


def put_on(tracer: Any) -> None:
    """Have the spans of `tracer` start with what is given to them in `sessions.starting`.

    A tracer that is not the SDK's is left as it is.
    """
    sampler, processor = getattr(tracer, "sampler", None), getattr(tracer, "span_processor", None)
    if isinstance(sampler, _Asks):
        return  # providers may give the same tracer again
    if isinstance(sampler, Sampler) and isinstance(processor, SpanProcessor):
        tracer.sampler, tracer.span_processor = _Asks(sampler), _PutsOn(processor)
