"""The metric of what calls cost: the one definition of it, and what is recorded of others' calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from opentelemetry.metrics import Histogram, Meter, MeterProvider, get_meter_provider

from infraprism import __version__, semconv
from infraprism.pricing import Cost

#: From a ten-thousandth of a cent to ten dollars.
_USD: Final = (0.000001, 0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


def cost_histogram(meter: Meter) -> Histogram:
    """The histogram of what calls cost."""
    return meter.create_histogram(
        semconv.METRIC_COST,
        unit="USD",
        description="Cost of a call whose price is known.",
        explicit_bucket_boundaries_advisory=_USD,
    )


def record(
    provider: MeterProvider | None,
    cost: Cost,
    *,
    operation: str | None,
    model_provider: str,
    model: str | None,
    entity_type: str | None,
) -> None:
    """Record what a call of another instrumentation costs, with the dimensions that ours have.

    `provider`: None means the global one, whenever it is set. What is not known is left out.
    """
    if cost.amount is None:
        return
    known = {
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: model_provider or None,
        semconv.REQUEST_MODEL: model,
        semconv.COST_CURRENCY: cost.currency,
        semconv.COST_SOURCE: cost.source,
        semconv.ENTITY_TYPE: entity_type,
    }
    dimensions = {name: value for name, value in known.items() if value is not None}
    _histogram_of(provider or get_meter_provider()).record(float(cost.amount), dimensions)


@lru_cache(maxsize=4)
def _histogram_of(provider: MeterProvider) -> Histogram:
    return cost_histogram(provider.get_meter(semconv.SCOPE, __version__, schema_url=semconv.SCHEMA_URL))
