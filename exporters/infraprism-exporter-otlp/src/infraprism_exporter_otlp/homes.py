"""The folder of one process's spool, and the lock that says whether its process is alive.

A lock (`flock`) belongs to the open file: it goes with its process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LOCK: Final = "lock"
_DELIVERED: Final = "delivered"
#: Number of a segment, an offset in it, and the CRC-32 of both.
_POINTER: Final = struct.Struct("<QQ")
_CHECKSUM: Final = struct.Struct("<I")
#: A folder that is being made, and is not to be taken for one whose process is dead.
_NEW: Final = "."
_ABANDONED_SECONDS: Final = 3600


class Home:
    """A locked folder of segments.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock
        self._pointer: int | None = None

    def segment(self, number: int) -> Path:
        """Where that segment is."""
        return self.path / f"{number:08d}.segment"

    def segments(self) -> list[tuple[int, Path]]:
        """The segments that are there, the oldest first."""
        return segments(self.path)

    def delivered(self) -> tuple[int, int]:
        """Up to where items were delivered: a segment, and an offset in it. (0, 0) where it is not known."""
        return _read_pointer(self.path)

    def set_delivered(self, number: int, offset: int) -> None:
        """Remember up to where items were delivered. Raises `OSError`."""
        if self._pointer is None:
            self._pointer = os.open(self.path / _DELIVERED, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        pointer = _POINTER.pack(number, offset)
        os.pwrite(self._pointer, pointer + _CHECKSUM.pack(zlib.crc32(pointer)), 0)

    def release(self, *, remove: bool) -> None:
        """Give the lock back, and with `remove` take the folder away, where nothing is left in it."""
        with contextlib.suppress(OSError):
            if remove and not self.segments():
                (self.path / _DELIVERED).unlink(missing_ok=True)
                (self.path / _LOCK).unlink(missing_ok=True)
                self.path.rmdir()
        self.forget()

    def forget(self) -> None:
        """Close the files. In a forked child the lock stays the parent's."""
        files, self._pointer, self._lock = (self._pointer, self._lock), None, None
        for file in files:
            if file is not None:
                os.close(file)


def create(folder: Path) -> Home:
    """A new home of this process in `folder`. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{time.time_ns()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    new = folder / f"{_NEW}{name}"
    new.mkdir(mode=0o700)
    lock = os.open(new / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(folder / name)
    except OSError:
        os.close(lock)
        raise
    return Home(folder / name, lock)


def adopt(path: Path) -> Home | None:
    """The home of a dead process, now this one's; None where its process lives, or another was quicker."""
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another may have adopted, delivered and removed it since it was opened.
        if os.path.samestat(os.fstat(lock), os.stat(path / _LOCK)):
            return Home(path, lock)
    except OSError:
        pass
    os.close(lock)
    return None


def siblings(folder: Path) -> Iterator[Path]:
    """The homes in `folder`, the oldest first. Removes what a process left that died while it made one."""
    try:
        names = sorted(os.listdir(folder))  # there may be thousands, of which only the first is looked at
    except OSError:
        return
    for name in names:
        path = folder / name
        if name[:1].isdigit() and path.is_dir():
            yield path
        elif name.startswith(_NEW):
            with contextlib.suppress(OSError):  # it has been renamed since, or is somebody else's
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    (path / _LOCK).unlink(missing_ok=True)
                    path.rmdir()


def is_alive(path: Path) -> bool:
    """Whether the process of that home lives, or another has adopted it."""
    home = adopt(path)
    if home is None:
        return True
    home.release(remove=False)
    return False


def segments(path: Path) -> list[tuple[int, Path]]:
    """As `Home.segments`, of a home that may be another's."""
    return sorted((int(it.stem), it) for it in path.glob("*.segment") if it.stem.isdigit())


def delivered(path: Path) -> tuple[int, int]:
    """As `Home.delivered`, of a home that may be another's."""
    return _read_pointer(path)


def _read_pointer(path: Path) -> tuple[int, int]:
    try:
        data = (path / _DELIVERED).read_bytes()
    except OSError:
        return 0, 0
    if len(data) != _POINTER.size + _CHECKSUM.size:
        return 0, 0
    [checksum] = _CHECKSUM.unpack_from(data, _POINTER.size)
    if zlib.crc32(data[: _POINTER.size]) != checksum:
        return 0, 0
    number, offset = _POINTER.unpack_from(data)
    return number, offset
