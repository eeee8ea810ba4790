"""The user's own prices, where the environment names a file of them."""

from __future__ import annotations

from functools import cache

from infraprism import guard, pricing, semconv, settings
from infraprism.pricing import quotes


@cache
@guard.guarded("telemetry_error")
def start() -> None:
    """Read the file once per process, before any call. One that cannot be used is a warning, and no more.

    What the application told `pricing.use` by then wins.
    """
    path = settings.current().prices
    if path is None or quotes.book is not None:
        return
    try:
        pricing.use(pricing.load(path))
    except pricing.PriceFileError as error:
        first, more = error.problems[0], len(error.problems) - 1
        guard.logger.warning(
            "infraprism: %s: %s: %s%s; the price list alone is used",
            semconv.SETTING_PRICES,
            path,
            first,
            f" (and {more} more)" if more else "",
        )
