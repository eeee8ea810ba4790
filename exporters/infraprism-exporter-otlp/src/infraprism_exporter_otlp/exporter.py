"""The official OTLP/HTTP exporter, set up for an InfraPrism collector."""

from __future__ import annotations

import os
from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter


class InfraPrismSpanExporter(OTLPSpanExporter):
    """Sends spans to an InfraPrism collector; selected by ``OTEL_TRACES_EXPORTER=infraprism``.

    Without any setting it sends, gzip-compressed, to the collector on this machine
    (``http://localhost:4318``). `INFRAPRISM_API_KEY` is sent as the bearer key. The standard
    ``OTEL_EXPORTER_OTLP_*`` variables are honoured and win, as do the arguments.

    Args:
        endpoint: full URL of the traces endpoint, ``http://host:4318/v1/traces``.
        headers: sent with each request, beside the key.
        timeout: seconds for each request.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(
            endpoint=endpoint,
            headers={**_key_header(), **(headers or {})},
            timeout=timeout,
            compression=None if _is_set("COMPRESSION") else Compression.Gzip,
        )


def _key_header() -> dict[str, str]:
    key = os.environ.get("INFRAPRISM_API_KEY", "").strip()
    named = (os.environ.get(f"OTEL_EXPORTER_OTLP_{kind}HEADERS", "") for kind in ("TRACES_", ""))
    if not key or any("authorization" in headers.lower() for headers in named):
        return {}
    return {"authorization": f"Bearer {key}"}


def _is_set(setting: str) -> bool:
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{kind}{setting}") for kind in ("TRACES_", ""))
