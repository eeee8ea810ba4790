"""Export for an application that has no tracer provider of its own: to the local collector.

The provider is never made the global one, so that an application which configures OpenTelemetry later still
can; from then on its own is used.
"""

from __future__ import annotations

import os
from functools import cache

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from infraprism import guard, settings


@cache
def provider() -> TracerProvider | None:
    """A provider that exports over OTLP/HTTP; None (and one warning) where the exporter is not installed.

    `OTEL_EXPORTER_OTLP_*` say where to; the default is the local collector. `OTEL_TRACES_EXPORTER=none`
    turns it off.
    """
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        guard.drop("no_exporter", "nothing is exported: pip install 'infraprism[sdk]'")
        return None
    key = settings.current().api_key
    exporter = OTLPSpanExporter(headers=None if key is None else {"authorization": f"Bearer {key}"})
    result = TracerProvider()
    result.add_span_processor(BatchSpanProcessor(exporter))
    return result
