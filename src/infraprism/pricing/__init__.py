"""Usage and rates in, cost with its parts out: pure, no I/O, no OpenTelemetry."""

from infraprism.pricing import money
from infraprism.pricing.cost import CURRENCY, FREE, UNPRICED, Cost, Part, Status, apply, price
from infraprism.pricing.rates import Rate, Rates, find, version
from infraprism.pricing.reading import read
from infraprism.pricing.usage import Usage

__all__ = [
    "CURRENCY",
    "Cost",
    "FREE",
    "Part",
    "Rate",
    "Rates",
    "Status",
    "UNPRICED",
    "Usage",
    "apply",
    "find",
    "money",
    "price",
    "read",
    "version",
]
