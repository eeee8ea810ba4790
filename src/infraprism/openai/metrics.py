"""The metrics of calls, as the GenAI conventions name them, and what they cost.

Metrics are not sampled. None has a session id as a dimension.
"""

from __future__ import annotations

from opentelemetry.metrics import Counter, Meter, MeterProvider, get_meter

from infraprism import __version__, guard, semconv
from infraprism.pricing import Cost, Usage

# Bucket boundaries as the conventions advise; costs run from a ten-thousandth of a cent to ten dollars.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))
_USD = (0.000001, 0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


class Metrics:
    """The instruments of one meter."""

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        meter = get_meter(
            semconv.SCOPE, __version__, meter_provider=meter_provider, schema_url=semconv.SCHEMA_URL
        )
        self._duration = meter.create_histogram(
            semconv.METRIC_DURATION,
            unit="s",
            description="Duration of a call.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            semconv.METRIC_TOKEN_USAGE,
            unit="{token}",
            description="Input and output tokens of a call.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._first_chunk = meter.create_histogram(
            semconv.METRIC_TIME_TO_FIRST_CHUNK,
            unit="s",
            description="Time from the request to the first chunk of a streamed reply.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._cost = meter.create_histogram(
            semconv.METRIC_COST,
            unit="USD",
            description="Cost of a call whose price is known.",
            explicit_bucket_boundaries_advisory=_USD,
        )
        _count_drops(meter)

    def record(
        self,
        dimensions: dict[str, str | int],
        *,
        duration: float,
        first_chunk: float | None,
        usage: Usage | None,
        cost: Cost | None,
        entity_type: str | None,
    ) -> None:
        """Record one call. Durations are seconds; `dimensions` are the conventions' for every metric."""
        self._duration.record(duration, dimensions)
        if first_chunk is not None:
            self._first_chunk.record(first_chunk, dimensions)
        if usage is not None:
            if usage.input_tokens is not None:
                self._tokens.record(usage.input_tokens, {**dimensions, semconv.TOKEN_TYPE: "input"})
            if usage.output_tokens is not None:
                self._tokens.record(usage.output_tokens, {**dimensions, semconv.TOKEN_TYPE: "output"})
        if cost is not None and cost.amount is not None:
            money: dict[str, str | int] = {
                key: dimensions[key]
                for key in (semconv.OPERATION_NAME, semconv.PROVIDER_NAME, semconv.REQUEST_MODEL)
                if key in dimensions
            }
            money[semconv.COST_CURRENCY] = cost.currency
            money[semconv.COST_SOURCE] = cost.source
            if entity_type is not None:
                money[semconv.ENTITY_TYPE] = entity_type
            self._cost.record(float(cost.amount), money)


_drops: Counter | None = None


def _count_drops(meter: Meter) -> None:
    global _drops
    _drops = meter.create_counter(
        semconv.METRIC_DROPPED, unit="{item}", description="What was lost, by documented reason."
    )
    guard.on_drop(_record_drop)


def _record_drop(reason: str) -> None:
    if _drops is not None:
        _drops.add(1, {semconv.DROPPED_REASON: reason})
