"""Files of prices under test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from infraprism import pricing
from infraprism.pricing import Book, quotes
from infraprism.pricing.book_text import parse

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "prices.md").read_text()
#: The complete example of the documentation, and its example of mistakes with what is said of them.
EXAMPLE, MISTAKES = re.findall(r"```toml\n(.*?)```", _DOCUMENT, re.DOTALL)
(COMPLAINTS,) = re.findall(r"```text\n(.*?)```", _DOCUMENT, re.DOTALL)


@cache
def book(text: str) -> Book:
    """The book that `text` is, named `test`."""
    return parse(text, "test")


@contextmanager
def priced_by(own: Book | str | None) -> Iterator[Book | None]:
    """Price by `own`, or by the book that it is the text of, for a while; None: by the list alone."""
    before, own = quotes.book, book(own) if isinstance(own, str) else own
    pricing.use(own)
    try:
        yield own
    finally:
        pricing.use(before)
