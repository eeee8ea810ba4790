"""The instrumentation of the `openai` client."""

from infraprism.openai.instrumentor import InfraPrismInstrumentor

__all__ = ["InfraPrismInstrumentor"]
