"""Reads a segment file from its beginning to its end, past what is damaged in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from infraprism_exporter_otlp import frames
from infraprism_exporter_otlp.frames import Group

_CHUNK: Final = 2**20
#: For items whose group is lost: they are delivered without a resource.
_UNKNOWN: Final = Group()


class Item(NamedTuple):
    """One encoded span or log record.

    Attributes:
        group: what it belongs to.
        content: the encoded field, with its tag and length.
        written_at: Unix nanoseconds.
    """

    group: Group
    content: bytes
    written_at: int


class SegmentReader:
    """Gives the items of one file in order.

    Attributes:
        position: offset in the file behind what was given last.
        damaged: bytes that were passed over because they are no intact frame.
    """

    def __init__(self, path: Path, skip_to: int = 0) -> None:
        """Open the file. Items that end at or before `skip_to` are not given. Raises `OSError`."""
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._groups: dict[int, Group] = {}
        self._skip_to = skip_to
        self._buffer = b""
        self._buffer_at = 0
        self.damaged = 0
        self.position = 0
        if os.pread(self._file, len(frames.MAGIC), 0) == frames.MAGIC:
            self.position = len(frames.MAGIC)

    def take(self, end: int, max_items: int, max_bytes: int) -> list[Item]:
        """The next items before the offset `end`, at most so many, and bytes of content; at least one."""
        items: list[Item] = []
        size = 0
        while len(items) < max_items and size < max_bytes:
            payload = self._next_payload(end)
            if payload is None:
                break
            if payload[0] == frames.GROUP_KIND:
                _, number, length = frames.GROUP.unpack_from(payload)
                at = frames.GROUP.size
                self._groups[number] = Group(payload[at : at + length], payload[at + length :])
            elif payload[0] == frames.ITEM_KIND and self.position > self._skip_to:
                _, number, written_at = frames.ITEM.unpack_from(payload)
                content = payload[frames.ITEM.size :]
                items.append(Item(self._groups.get(number, _UNKNOWN), content, written_at))
                size += len(content)
        return items

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _next_payload(self, end: int) -> bytes | None:
        while self.position < end:
            at = self._seen(end, frames.HEAD.size)
            claimed = frames.claimed_size(self._buffer, at)
            if claimed is not None and self.position + claimed <= end:
                at = self._seen(end, claimed)
                payload = frames.payload_at(self._buffer, at)
                if payload is not None:
                    self.position += claimed
                    return payload
            if not self._skip_damage(end, cut_off=claimed is not None and self.position + claimed > end):
                return None
        return None

    def _skip_damage(self, end: int, *, cut_off: bool) -> bool:
        """Go on at the next intact frame; False where there is none.

        A last frame that is cut off is no damage: its writer died before it was told of as written.
        """
        began, search = self.position, self.position + 1
        while search < end:
            self.position = search
            at = self._seen(end, _CHUNK)
            found = self._buffer.find(frames.MARK, at)
            if found < 0:
                search = max(search + 1, self._buffer_at + len(self._buffer) - len(frames.MARK) + 1)
                continue
            self.position = self._buffer_at + found
            claimed = frames.claimed_size(self._buffer, self._seen(end, frames.HEAD.size))
            if claimed is not None and self.position + claimed <= end:
                at = self._seen(end, claimed)
                if frames.payload_at(self._buffer, at) is not None:
                    self.damaged += self.position - began
                    return True
            search = self.position + 1
        self.position = end
        if not cut_off:
            self.damaged += end - began
        return False

    def _seen(self, end: int, size: int) -> int:
        """Have `size` bytes from the position on in the buffer, as far as there are any; where they begin."""
        at = self.position - self._buffer_at
        if not (at >= 0 and at + min(size, end - self.position) <= len(self._buffer)):
            self._buffer = os.pread(self._file, min(max(size, _CHUNK), end - self.position), self.position)
            self._buffer_at = self.position
            at = 0
        return at
