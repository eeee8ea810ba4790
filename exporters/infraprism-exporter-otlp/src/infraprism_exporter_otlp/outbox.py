"""The segments of one home in order, and how far they are delivered: a sender takes batches from here."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.homes import Home
from infraprism_exporter_otlp.segment_reader import Item, SegmentReader

#: The largest request: items, and bytes of them before compression.
MAX_ITEMS: Final = 512
MAX_BYTES: Final = 4 * 2**20
#: Where damaged files go, beside the homes.
DAMAGED: Final = "damaged"


@dataclass
class Segment:
    """One file of the spool.

    Attributes:
        size: bytes of it that are whole frames.
        records: items that are not taken yet, as far as this process knows.
        is_sealed: nothing is written to it any more. So it is with all but the last.
    """

    number: int
    path: Path
    size: int
    records: int = 0
    is_sealed: bool = True


@dataclass
class Batch:
    """Items of one request.

    Attributes:
        segment, position: where they end.
        finished: segments of which nothing is left once they are delivered, and the damaged bytes in each.
    """

    items: list[Item]
    segment: int = 0
    position: int = 0
    outbox: Outbox | None = field(default=None, repr=False)
    finished: list[tuple[Segment, int]] = field(default_factory=list)


class Outbox:
    """Gives batches in order. One thread takes; any may add and drop segments, under `lock`."""

    def __init__(self, home: Home, counts: Counts, *, is_own: bool) -> None:
        self.home = home
        self.lock = threading.Lock()
        self.segments: deque[Segment] = deque()
        self._counts = counts
        self._reader: SegmentReader | None = None
        self._reading: Segment | None = None
        self._delivered = (0, 0)
        self._finished_size = 0  # bytes of segments that were read, and are on disk until they are delivered
        if not is_own:
            self._delivered = home.delivered()
            for number, path in home.segments():
                with contextlib.suppress(OSError):
                    self.segments.append(Segment(number, path, path.stat().st_size))

    def take(self) -> Batch | None:
        """The next batch; None where there is nothing (more) now."""
        batch = Batch([], outbox=self)
        size = 0
        while len(batch.items) < MAX_ITEMS and size < MAX_BYTES:
            with self.lock:
                segment = self.segments[0] if self.segments else None
                if self._reading is not None and segment is not self._reading:
                    self.close()
                if segment is None:
                    break
                # A segment that is being read is not dropped.
                self._reading = segment
                end, is_sealed = segment.size, self._is_sealed(segment)
            items = self._read(segment, end, MAX_ITEMS - len(batch.items), MAX_BYTES - size)
            if items and self._reader is not None:
                batch.items += items
                batch.segment, batch.position = segment.number, self._reader.position
                size += sum(len(item.content) for item in items)
                with self.lock:
                    segment.records -= len(items)
            elif is_sealed:
                batch.finished.append((segment, self._leave(segment)))
            else:
                break
        if batch.items:
            return batch
        self._remove(batch)
        return None

    def done(self, batch: Batch) -> None:
        """That batch was accepted, or is lost: do not give it again, in any process."""
        with contextlib.suppress(OSError):  # then it is sent once more after a crash
            self.home.set_delivered(batch.segment, batch.position)
        self._remove(batch)

    def drop_oldest(self) -> int | None:
        """Delete the oldest segment that is neither read nor written; bytes freed. Call it with the lock.

        None where there is no such segment.
        """
        for segment in self.segments:
            if self._is_sealed(segment) and segment is not self._reading:
                self.segments.remove(segment)
                self._counts.drop("spool_full", segment.records or _count(segment, *self._delivered))
                segment.path.unlink(missing_ok=True)
                return segment.size
        return None

    def waiting(self) -> int:
        """Items that are not taken yet, as far as this process knows without reading."""
        return sum(segment.records for segment in tuple(self.segments))  # others add to them meanwhile

    def size(self) -> int:
        """Bytes on disk, also of what is in the hand of a sender. Call it with the lock."""
        return self._finished_size + sum(segment.size for segment in self.segments)

    def close(self) -> None:
        """Close the file that is read."""
        reader, self._reader, self._reading = self._reader, None, None
        if reader is not None:
            reader.close()

    def _is_sealed(self, segment: Segment) -> bool:
        return segment.is_sealed or segment is not self.segments[-1]

    def _read(self, segment: Segment, end: int, max_items: int, max_bytes: int) -> list[Item]:
        try:
            if self._reader is None:
                at_segment, offset = self._delivered
                if segment.number < at_segment:
                    return []
                self._reader = SegmentReader(segment.path, offset if segment.number == at_segment else 0)
            return self._reader.take(end, max_items, max_bytes)
        except OSError:
            with self.lock:
                self._counts.drop("vanished", segment.records)
                segment.records, segment.is_sealed = 0, True
            return []

    def _leave(self, segment: Segment) -> int:
        """Go on behind a segment that was read to its end; the damaged bytes in it."""
        damaged = self._reader.damaged if self._reader is not None else 0
        with self.lock:
            self.close()
            if self.segments and self.segments[0] is segment:
                self.segments.popleft()
                self._finished_size += segment.size
        return damaged

    def _remove(self, batch: Batch) -> None:
        """Delete the files of which nothing is left to send, and set aside those that are damaged."""
        for segment, damaged in batch.finished:
            path = segment.path
            with self.lock:
                self._finished_size -= segment.size
            with contextlib.suppress(OSError):
                if damaged:
                    self._counts.add_damaged_file()
                    aside = self.home.path.parent / DAMAGED
                    aside.mkdir(mode=0o700, exist_ok=True)
                    path.rename(aside / f"{self.home.path.name}-{path.name}")
                else:
                    path.unlink(missing_ok=True)


def _count(segment: Segment, delivered: int, offset: int) -> int:
    """The items of a dead process's segment that are not delivered, read from the file."""
    if segment.number < delivered:
        return 0
    try:
        reader = SegmentReader(segment.path, offset if segment.number == delivered else 0)
    except OSError:
        return 0
    found = 0
    while items := reader.take(segment.size, MAX_ITEMS, MAX_BYTES):
        found += len(items)
    reader.close()
    return found
