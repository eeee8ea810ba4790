"""The collector: receives OTLP, stores calls, answers the Analytics API."""
