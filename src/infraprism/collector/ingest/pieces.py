"""An export request in protobuf, taken apart into its items before any of them is decoded.

A body decoded at once takes tens of times its size in memory where it is made of many tiny messages, and one
item that cannot be decoded takes all others with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Items and what groups them, of one request.
MAX_MESSAGES: Final = 50_000
#: Of one item: decoded it is larger, and there may be two at a time.
MAX_ITEM_BYTES: Final = 4 * 2**20

_LENGTH_DELIMITED: Final = 2
#: Wire types whose values have a fixed size.
_FIXED: Final = {1: 8, 5: 4}
# The same numbers in requests of spans and of log records.
_GROUPS: Final = 1
_RESOURCE: Final = 1
_SCOPES: Final = 2
_ITEMS: Final = 2

_Slice = tuple[int, int]


class BrokenError(ValueError):
    """The body is not made of protobuf fields."""


class TooManyError(Exception):
    """The request has more items than the collector takes at once."""

    def __init__(self) -> None:
        super().__init__(f"the request has more than {MAX_MESSAGES} items")


def split(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every item with the resource that it is of, both encoded, in their order.

    Raises `BrokenError`, `TooManyError`.
    """
    met = 0
    for group in _fields(body, (0, len(body)), _GROUPS):
        resource = b""
        for start, end in _fields(body, group, _RESOURCE):
            resource = body[start:end]
        for scope in _fields(body, group, _SCOPES):
            met += 1
            for start, end in _fields(body, scope, _ITEMS):
                met += 1
                if met > MAX_MESSAGES:
                    break
                yield resource, body[start:end]
        met += 1
        if met > MAX_MESSAGES:
            raise TooManyError


def _fields(body: bytes, within: _Slice, wanted: int) -> Iterator[_Slice]:
    """Where the contents of the fields of this number lie."""
    for number, _, start, end in _walk(body, *within):
        if number == wanted and start >= 0:
            yield start, end


def top(item: bytes) -> Iterator[tuple[int, int, int]]:
    """The number of each field of an item, and where it lies with its number. Raises `BrokenError`."""
    for number, begin, _, end in _walk(item, 0, len(item)):
        yield number, begin, end


def _walk(body: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each field: its number, where it begins, where its content begins (-1: nowhere), where it ends."""
    while position < end:
        begin, content = position, -1
        tag, position = _varint(body, position, end)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, content = _varint(body, position, end)
            position = content + length
        elif kind == 0:
            _, position = _varint(body, position, end)
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise BrokenError("a field of no known type")
        if position > end:
            raise BrokenError("a field ends behind its message")
        yield tag >> 3, begin, content, position


def _varint(body: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            break
    raise BrokenError("a number that does not end")
