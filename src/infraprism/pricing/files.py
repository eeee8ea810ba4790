"""The one place where pricing reads files: the user's own prices, and the price list that they name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from infraprism.pricing import lists
from infraprism.pricing.book import Book
from infraprism.pricing.problems import PriceFileError, Problem


def load(path: str | Path) -> Book:
    """Read a file of prices; `docs/prices.md` says what can be in it.

    Raises:
        PriceFileError: it cannot be read, or something in it is wrong; names every line and field.
    """
    from infraprism.pricing.book_text import parse  # most processes have no such file

    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PriceFileError(str(path), [Problem(0, "", f"cannot be read: {reason}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise PriceFileError(str(path), [Problem(line, "", "is not UTF-8")]) from None
    return parse(text, str(path), partial(_read_list, path.parent))


def _read_list(folder: Path, name: str) -> lists.PriceList:
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise lists.ListError(f"cannot be read: {error.strerror or type(error).__name__}") from None
    return lists.parse(data, path.name)
