"""The instrumentor that `opentelemetry-instrument` loads by its entry point, `infraprism`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from infraprism.openai import patch
from infraprism.openai.engine import engine


class InfraPrismInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base is untyped
    """Instruments every `openai` client of the process and keeps session totals.

    ``InfraPrismInstrumentor().instrument()`` does what the zero-code command does. It can be called before
    or after `openai` is imported, and before or after the tracer provider is set.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions of the client that are supported."""
        return ("openai >= 1.66, < 4",)

    def _instrument(self, **kwargs: Any) -> None:
        """Start.

        Takes ``tracer_provider``, ``meter_provider`` and ``logger_provider``, by default the global ones.
        """
        engine.configure(
            kwargs.get("tracer_provider"), kwargs.get("meter_provider"), kwargs.get("logger_provider")
        )
        engine.all_clients = True
        patch.install()
        engine.attach()

    def _uninstrument(self, **kwargs: Any) -> None:
        """Stop: the client's methods are its own again, unless there are drop-in clients to record."""
        engine.all_clients = False
        engine.configure(None, None, None)
        patch.remove()
