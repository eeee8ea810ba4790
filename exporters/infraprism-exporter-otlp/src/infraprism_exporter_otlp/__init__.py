"""An OTLP/HTTP span exporter that delivers to an InfraPrism collector."""
