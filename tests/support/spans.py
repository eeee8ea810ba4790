"""Spans for tests: a tracer provider with ids that can be foretold, and a span as one plain dict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator


class CountingIds(IdGenerator):
    """Trace ids 1, 2, 3 … and span ids 1, 2, 3 …"""

    def __init__(self) -> None:
        self._traces = 0
        self._spans = 0

    def generate_trace_id(self) -> int:
        self._traces += 1
        return self._traces

    def generate_span_id(self) -> int:
        self._spans += 1
        return self._spans


class Exported(SpanExporter):
    """An exporter that writes each span down, as a dict, at the moment it is given it."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += [as_dict(span) for span in spans]
        return SpanExportResult.SUCCESS

    def attributes(self) -> dict[str, dict[str, Any]]:
        """The attributes of each span, by its name."""
        return {span["name"]: span["attributes"] for span in self.spans}


def as_dict(span: ReadableSpan) -> dict[str, Any]:
    """Everything about a span that a test can foretell."""
    context, scope = span.context, span.instrumentation_scope
    assert context is not None
    assert scope is not None
    return {
        "name": span.name,
        "scope": scope.name,
        "trace_id": context.trace_id,
        "span_id": context.span_id,
        "parent_id": span.parent.span_id if span.parent else None,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
    }


def recording(*processors: SpanProcessor, **options: Any) -> tuple[TracerProvider, Exported]:
    """A tracer provider with these processors, and then one that exports to what comes with it."""
    provider = TracerProvider(**{"id_generator": CountingIds(), "shutdown_on_exit": False, **options})
    exported = Exported()
    for processor in (*processors, SimpleSpanProcessor(exported)):
        provider.add_span_processor(processor)
    return provider, exported
