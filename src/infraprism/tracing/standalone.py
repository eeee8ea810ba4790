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
from typing import Any, Protocol

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from infraprism import guard, settings

#: Seconds to deliver a batch, retries included: what an application waits at its end, at most, where no
#: collector answers. `OTEL_EXPORTER_OTLP_TIMEOUT` wins.
_TIMEOUT = 2.0


class Flushed(Protocol):
    """A provider whose processors export in batches."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export what waits."""


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
    result = TracerProvider()
    result.add_span_processor(BatchSpanProcessor(_QuietExporter(OTLPSpanExporter(**options("TRACES")))))
    flush_at_the_end_of_children(result)
    return result


def options(signal: str) -> dict[str, Any]:
    """Arguments of the OTLP exporter of a signal (``TRACES``, ``LOGS``): what its settings leave to us."""
    # The key is for an InfraPrism collector: where the user authenticates by headers, it stays here.
    key = None if _setting("HEADERS", signal) else settings.current().api_key
    return {
        "headers": None if key is None else {"authorization": f"Bearer {key}"},
        "timeout": _TIMEOUT if _seconds(signal) is None else None,
    }


def _setting(name: str, signal: str) -> str | None:
    own, common = f"OTEL_EXPORTER_OTLP_{signal}_{name}", f"OTEL_EXPORTER_OTLP_{name}"
    return os.environ.get(own) or os.environ.get(common)


def _seconds(signal: str) -> float | None:
    """What `OTEL_EXPORTER_OTLP_TIMEOUT` says; None where that is no time to wait."""
    try:
        seconds = float(_setting("TIMEOUT", signal) or "")
    except ValueError:
        return None
    return seconds if seconds > 0 else None


def flush_at_the_end_of_children(provider: Flushed) -> None:
    """Export what waits when this process, or one that is forked from it, ends as a child."""
    _flush_at_the_end_of_a_child(provider)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _flush_after_a_fork(provider))


def _flush_after_a_fork(provider: Flushed) -> None:
    # A child of multiprocessing forgets first what was to be done at its parent's end.
    if (util := sys.modules.get("multiprocessing.util")) is not None:
        util.register_after_fork(provider, _flush_at_the_end_of_a_child)


def _flush_at_the_end_of_a_child(provider: Flushed) -> None:
    """Export what waits when a child of multiprocessing ends: most of them never come to `atexit`."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        sys.modules["multiprocessing.util"].Finalize(None, provider.force_flush, exitpriority=0)


class Quiet:
    """Exports through `inner`; what it cannot deliver is counted and reported once, not at every batch."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._here = threading.local()
        # An application that never configured OpenTelemetry did not ask for its log records. Other exporters
        # of the process keep theirs: only what this thread logs during an export of ours is held back.
        logging.getLogger(type(inner).__module__).addFilter(self._may_log)

    def _may_log(self, record: logging.LogRecord) -> bool:
        return not getattr(self._here, "exporting", False)

    def delivers(self, batch: Sequence[Any]) -> bool:
        """Deliver a batch; whether it was taken."""
        self._here.exporting = True
        try:
            taken = bool(self._inner.export(batch).name == "SUCCESS")
        except Exception:  # the exporter before 1.40 lets a refused connection out  # noqa: BLE001
            taken = False
        finally:
            self._here.exporting = False
        if not taken:
            detail = "is `infraprism serve` running, or OTEL_EXPORTER_OTLP_ENDPOINT set?"
            guard.drop("export_failed", detail, len(batch))
        return taken

    def shutdown(self) -> None:
        """Stop delivering."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here."""
        return True


class _QuietExporter(Quiet, SpanExporter):
    """Of spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver a batch."""
        return SpanExportResult.SUCCESS if self.delivers(spans) else SpanExportResult.FAILURE
