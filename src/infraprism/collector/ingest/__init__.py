"""OTLP in: requests, signals, rows."""
