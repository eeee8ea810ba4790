"""Request bodies within bounds: on the wire, once decompressed, and all together."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import zstandard
from starlette.requests import Request

MAX_WIRE_BYTES: Final = 16 * 2**20
MAX_BODY_BYTES: Final = 64 * 2**20
#: Of all requests that are not answered yet.
MAX_HELD_BYTES: Final = 256 * 2**20
#: A piece of zstd becomes up to 32,000 times as much before the limit is asked.
_ZSTD_PIECE: Final = 1024
#: How a body may be compressed → `zlib`'s window for it; None is not zlib's.
ENCODINGS: Final[dict[str, int | None]] = {"gzip": 31, "deflate": 15, "zstd": None, "identity": None}


class TooLargeError(ValueError):
    """The body is larger than the collector takes."""


class NotCompressedError(ValueError):
    """The body is not what its Content-Encoding says."""


class NoRoomError(Exception):
    """Too much is being received at once; send the same again later."""


class Room:
    """The memory that bodies may take together. Belongs to the event loop."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """A place for one body, which is given back at the end."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            self._held -= lease.held

    def take(self, more: int) -> None:
        """Raises `NoRoomError`."""
        if more > 0 and self._held + more > MAX_HELD_BYTES:
            raise NoRoomError("too many requests at once")
        self._held += more


class Lease:
    """What one body takes of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.held = 0

    def hold(self, size: int) -> None:
        """Take `size` bytes in all. Raises `NoRoomError`."""
        self._room.take(size - self.held)
        self.held = size


async def read(request: Request, lease: Lease | None = None) -> bytes:
    """The body as it is on the wire.

    Raises `TooLargeError` as soon as it is known to be too large, and `NoRoomError`.
    """
    announced = request.headers.get("content-length", "")
    if (
        announced.isascii()
        and announced.isdigit()
        and (len(announced) > 18 or int(announced) > MAX_WIRE_BYTES)
    ):
        raise TooLargeError(f"the body is larger than {MAX_WIRE_BYTES} bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_WIRE_BYTES:
            raise TooLargeError(f"the body is larger than {MAX_WIRE_BYTES} bytes")
        if lease is not None:
            lease.hold(len(body))
    return bytes(body)


def decompress(body: bytes, encoding: str) -> bytes:
    """`body` as it was before `encoding`, one of `ENCODINGS`; never more than the limit is held.

    Raises `TooLargeError`, `NotCompressedError`.
    """
    if encoding == "identity":
        return body
    try:
        window = ENCODINGS[encoding]
        content = _unzstd(body) if window is None else _inflate(body, window)
    except (EOFError, zlib.error, zstandard.ZstdError):
        raise NotCompressedError(f"the body is not valid {encoding}") from None
    if len(content) > MAX_BODY_BYTES:
        raise TooLargeError(f"the decompressed body is larger than {MAX_BODY_BYTES} bytes")
    return content


def _inflate(body: bytes, window: int) -> bytes:
    content = bytearray()
    while body:
        stream = zlib.decompressobj(window)
        content += stream.decompress(body, MAX_BODY_BYTES + 1 - len(content))
        if len(content) > MAX_BODY_BYTES:
            break
        if not stream.eof:
            raise EOFError
        body = stream.unused_data  # gzip may consist of several members
    return bytes(content)


def _unzstd(body: bytes) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_BODY_BYTES)
    content = bytearray()
    position = 0
    while position < len(body):  # there may be several frames
        frame = decompressor.decompressobj()
        while not frame.eof:
            piece = body[position : position + _ZSTD_PIECE]
            if not piece:
                raise EOFError
            position += len(piece)
            content += frame.decompress(piece)
            if len(content) > MAX_BODY_BYTES:
                return bytes(content)
        position -= len(frame.unused_data)
    return bytes(content)
