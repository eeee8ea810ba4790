"""Rows as Arrow columns, which DuckDB reads as they lie in memory.

Bound one by one as parameters, the values of a batch cost more than everything else that is done to store it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, Final

import nanoarrow as na
from nanoarrow.c_array import c_array_from_buffers

_BITS: Final = tuple(1 << bit for bit in range(8))


def texts(values: Sequence[str | None]) -> Any:
    """A column of texts. Raises `UnicodeEncodeError` for what is no text."""
    encoded = [b"" if value is None else value.encode() for value in values]
    return _column(na.string(), values, _offsets(map(len, encoded)), b"".join(encoded))


def integers(values: Sequence[int | None]) -> Any:
    """A column of 64-bit integers."""
    return _column(na.int64(), values, array("q", [value or 0 for value in values]))


def booleans(values: Sequence[bool]) -> Any:
    """A column of truths, as integers of 8 bits."""
    return _column(na.int8(), values, array("b", values))


def lists(values: Sequence[Iterable[str]]) -> Any:
    """A column of lists of texts."""
    members = [*map(list, values)]
    children = [texts([*chain.from_iterable(members)])]
    return _column(na.list_(na.string()), values, _offsets(map(len, members)), children=children)


def batch(columns: dict[str, Any], rows: int) -> Any:
    """The columns, by name, as one table."""
    schema = na.struct({name: column.schema for name, column in columns.items()})
    children = list(columns.values())
    return na.Array(c_array_from_buffers(schema, rows, [None], null_count=0, children=children))


def _column(kind: Any, values: Sequence[Any], *buffers: Any, children: Sequence[Any] = ()) -> Any:
    missing = values.count(None)
    validity = _validity(values) if missing else None
    return c_array_from_buffers(
        kind, len(values), [validity, *buffers], null_count=missing, children=children
    )


def _validity(values: Sequence[Any]) -> bytes:
    if all(value is None for value in values):
        return bytes((len(values) + 7) // 8)
    bits = bytearray((len(values) + 7) // 8)
    for number, value in enumerate(values):
        if value is not None:
            bits[number >> 3] |= _BITS[number & 7]
    return bytes(bits)


def _offsets(lengths: Iterable[int]) -> array[int]:
    return array("i", accumulate(lengths, initial=0))
