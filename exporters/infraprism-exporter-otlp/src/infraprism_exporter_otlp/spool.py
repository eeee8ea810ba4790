"""The spool of this process: an append-only row of segment files, written by the application's threads."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infraprism_exporter_otlp import frames, homes
from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.frames import Group
from infraprism_exporter_otlp.outbox import Outbox, Segment

_LARGEST_SEGMENT: Final = 4 * 2**20
#: So many segments fit under the limit: what is dropped at once is small beside it.
_SEGMENTS: Final = 8


class _Active:
    """The segment that is written, and the groups it has defined."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.file = os.open(segment.path, flags, 0o600)
        self.groups: dict[Group, int] = {}
        try:
            self.write(frames.MAGIC)
        except OSError:
            os.close(self.file)
            segment.path.unlink(missing_ok=True)
            raise

    def add(self, group: Group, item: bytes) -> None:
        """Append one record, and its group where it is new here. Raises `OSError`."""
        number = self.groups.get(group)
        if number is None:
            number = len(self.groups)
            self.write(frames.group_frame(number, group) + frames.item_frame(number, item))
            self.groups[group] = number
        else:
            self.write(frames.item_frame(number, item))
        self.segment.records += 1

    def write(self, data: bytes) -> None:
        """Append all of `data`, or nothing of it and raise `OSError`."""
        written = os.write(self.file, data)
        if written != len(data):
            os.ftruncate(self.file, self.segment.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        # Asked for, not added up: a signal's handler may have raised in between, the last time.
        self.segment.size = os.lseek(self.file, 0, os.SEEK_CUR)


class Spool:
    """Writes records to disk. Opens its home at the first one; safe to be used from any thread.

    Attributes:
        lock: held while a record is written.
    """

    def __init__(self, folder: Path, limit: int, counts: Counts, *, fsync: bool) -> None:
        """A spool in a home of its own in `folder`.

        Args:
            folder: of the homes of all processes that send to the same place.
            limit: bytes on disk; beyond them the oldest segment is dropped.
            counts: where drops are counted.
            fsync: return from `append` only once the record would outlast a loss of power.
        """
        self.lock = threading.Lock()
        self._folder = folder
        self._limit = limit
        self._counts = counts
        self._fsync = fsync
        self._segment_bytes = max(min(_LARGEST_SEGMENT, limit // _SEGMENTS), 4096)
        self._outbox: Outbox | None = None
        self._active: _Active | None = None
        self._number = 0
        self._sync = _GroupSync()

    @property
    def outbox(self) -> Outbox | None:
        """What a sender takes from; None as long as nothing was written."""
        return self._outbox

    def append(self, group: Group, item: bytes) -> None:
        """Write one record, whole. Raises `OSError` where the disk does not take it."""
        with self.lock:
            active = self._active
            if active is None or active.segment.is_sealed or active.segment.size >= self._segment_bytes:
                active = self._open()
            if group not in active.groups and len(active.groups) == frames.MAX_GROUPS:
                active = self._open()
            try:
                active.add(group, item)
            except OSError:
                # So that it goes once it is delivered, and gives its space back.
                active.segment.is_sealed = True
                raise
            ticket = self._sync.written()
        if self._fsync:
            self._sync.wait(ticket, self._duplicate)

    def close(self, *, is_delivered: bool) -> None:
        """Give the home to who comes next, or take it away where all of it was delivered."""
        with self.lock:
            outbox, self._outbox = self._outbox, None
            active, self._active = self._active, None
            if active is not None:
                os.close(active.file)
            if outbox is None:
                return
            outbox.close()
            if is_delivered:
                for segment in outbox.segments:
                    segment.path.unlink(missing_ok=True)
            outbox.home.release(remove=True)

    def forget(self) -> None:
        """In a forked child: leave the parent's files to the parent."""
        self.lock = threading.Lock()
        self._sync = _GroupSync()
        if self._active is not None:
            os.close(self._active.file)
        if self._outbox is not None:
            self._outbox.close()
            self._outbox.home.forget()
        self._active = self._outbox = None

    def _open(self) -> _Active:
        """Begin the next segment, and drop the oldest where there is more than the limit."""
        outbox = self._outbox
        if outbox is None:
            outbox = Outbox(homes.create(self._folder), self._counts, is_own=True)
            if self._fsync:
                _fsync_folder(self._folder)
                _fsync_folder(self._folder.parent)
            self._outbox = outbox
        previous, self._active = self._active, None
        if previous is not None:
            try:
                if self._fsync:
                    os.fdatasync(previous.file)
            finally:
                os.close(previous.file)
        self._number += 1
        segment = Segment(self._number, outbox.home.segment(self._number), 0, is_sealed=False)
        try:
            active = _Active(segment)
        except FileNotFoundError:  # somebody has removed the folder: the next begins another
            self._outbox = None
            self._counts.drop("vanished", outbox.waiting())
            outbox.home.forget()
            raise
        with outbox.lock:
            outbox.segments.append(segment)
            while outbox.size() + self._segment_bytes > self._limit and outbox.drop_oldest() is not None:
                pass
        if self._fsync:
            _fsync_folder(outbox.home.path)
        self._active = active
        return active

    def _duplicate(self) -> int:
        """The file that is written now, to be synced and closed; -1 where there is none."""
        with self.lock:
            return os.dup(self._active.file) if self._active is not None else -1


class _GroupSync:
    """Lets one thread sync the file for all that wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_syncing = False
        self._last = 0
        self._synced = 0

    def written(self) -> int:
        """One more record is written, which `wait` takes the ticket of. Call it with the spool's lock."""
        self._last += 1
        return self._last

    def wait(self, ticket: int, duplicate: Callable[[], int]) -> None:
        """Return once the record of that ticket is on the disk itself. Raises `OSError`."""
        with self._changed:
            self._changed.wait_for(lambda: self._synced >= ticket or not self._is_syncing)
            if self._synced >= ticket:
                return
            self._is_syncing = True
            covered = self._last
        try:
            file = duplicate()  # what came before it was synced when its file was closed
            if file >= 0:
                try:
                    os.fdatasync(file)
                finally:
                    os.close(file)
            self._synced = covered
        finally:
            with self._changed:
                self._is_syncing = False
                self._changed.notify_all()


def _fsync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
