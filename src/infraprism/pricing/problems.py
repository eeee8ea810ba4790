"""What is wrong with a file of prices, all of it at once: where, which field, and what it must be."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake. `line` counts from 1; 0 is the file as a whole, which has no field."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """``line 12: prices.input must be ...``."""
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.field} {self.message}" if self.field else f"{where}{self.message}"


class PriceFileError(ValueError):
    """A file of prices cannot be used; nothing of it is.

    Attributes:
        source: the file, as it was named.
        problems: everything that is wrong with it, by line.
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))
