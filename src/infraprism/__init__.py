"""InfraPrism: what every AI conversation costs, on OpenTelemetry."""

__version__ = "0.1.0"
