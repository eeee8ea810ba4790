"""Usage and rates in, cost with its parts out: pure, no OpenTelemetry, no I/O unless asked for."""

from infraprism.pricing import money
from infraprism.pricing.book import Book, Entity
from infraprism.pricing.cost import CURRENCY, FREE, UNPRICED, Cost, Part, Status, apply, price
from infraprism.pricing.files import load
from infraprism.pricing.problems import PriceFileError, Problem
from infraprism.pricing.quotes import use
from infraprism.pricing.rates import Rate, Rates, find, version
from infraprism.pricing.reading import read
from infraprism.pricing.usage import Usage

__all__ = [
    "Book",
    "CURRENCY",
    "Cost",
    "Entity",
    "FREE",
    "Part",
    "PriceFileError",
    "Problem",
    "Rate",
    "Rates",
    "Status",
    "UNPRICED",
    "Usage",
    "apply",
    "find",
    "load",
    "money",
    "price",
    "read",
    "use",
    "version",
]
