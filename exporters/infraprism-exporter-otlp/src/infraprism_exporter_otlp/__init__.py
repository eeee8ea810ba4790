"""An OTLP/HTTP span exporter that delivers to an InfraPrism collector."""

from infraprism_exporter_otlp.exporter import InfraPrismSpanExporter

__all__ = ["InfraPrismSpanExporter"]
