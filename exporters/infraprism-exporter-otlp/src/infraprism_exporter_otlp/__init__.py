"""Delivers spans and logs over OTLP from a spool on disk, so that none is lost."""

from infraprism_exporter_otlp.exporters import InfraPrismLogExporter, InfraPrismSpanExporter
from infraprism_exporter_otlp.processors import InfraPrismLogProcessor, InfraPrismSpanProcessor

__all__ = [
    "InfraPrismLogExporter",
    "InfraPrismLogProcessor",
    "InfraPrismSpanExporter",
    "InfraPrismSpanProcessor",
]
