"""Export for an application that has no tracer provider of its own: to the local collector.

The provider is never made the global one, so that an application which configures OpenTelemetry later still
can; from then on its own is used.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from functools import cache

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from infraprism import guard, settings

#: Seconds to deliver a batch, retries included: what an application waits at its end, at most, where no
#: collector answers. `OTEL_EXPORTER_OTLP_TIMEOUT` wins.
_TIMEOUT = 2.0


@cache
@guard.guarded("telemetry_error")
def provider() -> TracerProvider | None:
    """A provider that exports over OTLP/HTTP; None (and one warning) where the exporter is not installed.

    `OTEL_EXPORTER_OTLP_*` say where to; the default is the local collector. `OTEL_TRACES_EXPORTER=none`
    turns it off. It is made once; settings that it cannot be made with are reported once, too.
    """
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        guard.drop("no_exporter", "nothing is exported: install the extra 'sdk' of infraprism")
        return None
    # The key is for an InfraPrism collector: where the user authenticates by headers, it stays here.
    key = None if _is_set("HEADERS") else settings.current().api_key
    exporter = OTLPSpanExporter(
        headers=None if key is None else {"authorization": f"Bearer {key}"},
        timeout=_TIMEOUT if _seconds() is None else None,
    )
    result = TracerProvider()
    result.add_span_processor(BatchSpanProcessor(_QuietExporter(exporter)))
    _flush_at_the_end_of_a_child(result)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _flush_after_a_fork(result))
    return result


def _is_set(setting: str) -> bool:
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{kind}{setting}") for kind in ("", "TRACES_"))


def _seconds() -> float | None:
    """What `OTEL_EXPORTER_OTLP_TIMEOUT` says; None where that is no time to wait."""
    said = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") or os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT")
    try:
        seconds = float(said or "")
    except ValueError:
        return None
    return seconds if seconds > 0 else None


def _flush_after_a_fork(provider: TracerProvider) -> None:
    # A child of multiprocessing forgets first what was to be done at its parent's end.
    if (util := sys.modules.get("multiprocessing.util")) is not None:
        util.register_after_fork(provider, _flush_at_the_end_of_a_child)


def _flush_at_the_end_of_a_child(provider: TracerProvider) -> None:
    """Export what waits when a child of multiprocessing ends: most of them never come to `atexit`."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        sys.modules["multiprocessing.util"].Finalize(None, provider.force_flush, exitpriority=0)


class _QuietExporter(SpanExporter):
    """Exports through `inner`; what it cannot deliver is counted and reported once, not at every batch."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._here = threading.local()
        # An application that never configured OpenTelemetry did not ask for its log records. Other exporters
        # of the process keep theirs: only what this thread logs during an export of ours is held back.
        logging.getLogger(type(inner).__module__).addFilter(self._may_log)

    def _may_log(self, record: logging.LogRecord) -> bool:
        return not getattr(self._here, "exporting", False)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver a batch."""
        self._here.exporting = True
        try:
            result = self._inner.export(spans)
        except Exception:  # the exporter before 1.40 lets a refused connection out  # noqa: BLE001
            result = SpanExportResult.FAILURE
        finally:
            self._here.exporting = False
        if result is not SpanExportResult.SUCCESS:
            detail = "is `infraprism serve` running, or OTEL_EXPORTER_OTLP_ENDPOINT set?"
            guard.drop("export_failed", detail, len(spans))
        return result

    def shutdown(self) -> None:
        """Stop delivering."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here."""
        return self._inner.force_flush(timeout_millis)
