"""What a segment file of the spool holds: a header, then frames, each with a marker, length and checksum.

A frame is an item (one encoded span or log record, with the time at which it was written) or a group (what
a request says once for many items: resource and scope). An item names its group by a number, which the
same file has defined before.
"""

from __future__ import annotations

import struct
import time
import zlib
from typing import Final

#: The version of the format is its last byte.
MAGIC: Final = b"IPSPOOL1"
#: Begins each frame, so that reading can go on behind a damaged one.
MARK: Final = b"\xf1\x5b\x8e\x0a"
#: A frame that claims more than this is damaged.
MAX_PAYLOAD: Final = 64 * 2**20
#: Marker, length of the payload, CRC-32 of the payload.
HEAD: Final = struct.Struct("<4sII")
#: Kind, number of the group, length of what belongs to the resource.
GROUP: Final = struct.Struct("<BHI")
#: Kind, number of the group, Unix nanoseconds at which it was written.
ITEM: Final = struct.Struct("<BHQ")
#: Zeros behind a marker, as a loss of power leaves them, have the checksum of nothing: they are no frame.
_LEAST_PAYLOAD: Final = min(GROUP.size, ITEM.size)
GROUP_KIND: Final = 1
ITEM_KIND: Final = 2
#: How many groups one file can define.
MAX_GROUPS: Final = 2**16


class Group:
    """What a request says once for many items: two runs of encoded fields. Compared by identity.

    Attributes:
        resource: the fields of `ResourceSpans` (`ResourceLogs`), but for the scopes.
        scope: the fields of `ScopeSpans` (`ScopeLogs`), but for the spans (records).
    """

    __slots__ = ("resource", "scope")

    def __init__(self, resource: bytes = b"", scope: bytes = b"") -> None:
        self.resource = resource
        self.scope = scope


def group_frame(number: int, group: Group) -> bytes:
    """The frame that defines a group under a number."""
    return _frame(GROUP.pack(GROUP_KIND, number, len(group.resource)) + group.resource + group.scope)


def item_frame(number: int, item: bytes) -> bytes:
    """The frame of an item of that group, written now."""
    return _frame(ITEM.pack(ITEM_KIND, number, time.time_ns()) + item)


def _frame(payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("too large for a frame")
    return HEAD.pack(MARK, len(payload), zlib.crc32(payload)) + payload


def payload_at(data: bytes, at: int) -> bytes | None:
    """The payload of the intact frame that begins at `at`; None where there is none (yet)."""
    if len(data) - at < HEAD.size:
        return None
    mark, length, checksum = HEAD.unpack_from(data, at)
    if mark != MARK or not _LEAST_PAYLOAD <= length <= MAX_PAYLOAD or len(data) - at - HEAD.size < length:
        return None
    payload = data[at + HEAD.size : at + HEAD.size + length]
    return payload if zlib.crc32(payload) == checksum else None


def claimed_size(data: bytes, at: int) -> int | None:
    """How long the frame at `at` says that it is, its head included; None where it does not look like one."""
    if len(data) - at < HEAD.size:
        return None
    mark, length, _ = HEAD.unpack_from(data, at)
    return HEAD.size + int(length) if mark == MARK and length <= MAX_PAYLOAD else None
