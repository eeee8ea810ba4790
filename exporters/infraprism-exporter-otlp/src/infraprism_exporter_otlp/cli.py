"""`infraprism-spool`: what waits on disk on this machine, and a way to have it sent now."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from infraprism_exporter_otlp import homes, settings, upkeep
from infraprism_exporter_otlp.delivery import Delivery
from infraprism_exporter_otlp.outbox import DAMAGED, MAX_BYTES, MAX_ITEMS
from infraprism_exporter_otlp.segment_reader import Item, SegmentReader
from infraprism_exporter_otlp.settings import Signal
from infraprism_exporter_otlp.transports import transport


class Waiting(NamedTuple):
    """What one process has on disk.

    Attributes:
        state: `alive`, `dead`, or `held`: a server did not let it in.
        oldest: Unix nanoseconds at which the first of the records was written; None where there are none.
    """

    folder: str
    home: str
    state: str
    records: int
    bytes: int
    oldest: int | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(prog="infraprism-spool", description=__doc__)
    parser.add_argument("--directory", type=Path, help=f"of the spools; by default {settings.SPOOL_DIR}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="what waits, for each process that has written it")
    flush = commands.add_parser(
        "flush", help="send what dead processes have left, to the endpoint that is set"
    )
    flush.add_argument("--timeout", type=float, default=60.0, help="seconds")
    inspect = commands.add_parser(
        "inspect", help="the records that wait, one JSON object a line, without content"
    )
    inspect.add_argument("--limit", type=int, default=100, help="how many records")
    given = parser.parse_args(arguments)
    options: dict[str, Any] = {"spool_directory": given.directory} if given.directory else {}
    if given.command == "flush":
        return _flush(options, given.timeout)
    directory = settings.load("traces", **options).directory
    if given.command == "inspect":
        _inspect(directory, given.limit)
    else:
        _status(directory)
    return 0


def _status(directory: Path) -> None:
    found = list(waiting(directory))
    now = time.time_ns()
    for it in found:
        age = "-" if it.oldest is None else f"{(now - it.oldest) / 1e9:,.0f} s"
        _say(f"{it.folder}  {it.home}  {it.state}  {it.records:,} records  {it.bytes:,} bytes  oldest {age}")
    damaged = list(directory.glob(f"*/**/{DAMAGED}/*"))
    if damaged:
        size = sum(path.stat().st_size for path in damaged)
        _say(f"{len(damaged)} damaged files are set aside, {size:,} bytes")
    _say(f"{sum(it.records for it in found):,} records in {directory}")


def _flush(options: dict[str, Any], timeout: float) -> int:
    """Send what dead processes have left; 1 where some of it is left."""
    left = 0
    for signal in get_args(Signal):
        configured = settings.load(signal, **options)
        if not configured.folder.exists():
            continue
        delivery = Delivery(configured, transport(configured))
        delivery.deliver_dead(timeout)
        delivery.close()
        remaining = [it for it in waiting(configured.directory, signal) if it.state != "alive"]
        left += sum(it.records for it in remaining if it.folder == configured.folder.name)
        counts = delivery.counts
        _say(f"{signal}: {counts.sent:,} sent, {sum(counts.dropped.values()):,} lost")
    if left:
        _say(f"{left:,} records are left")
    return 1 if left else 0


def _inspect(directory: Path, limit: int) -> None:
    for folder in _folders(directory):
        for state, home in _homes(folder):
            for item in _items(home):
                if limit <= 0:
                    return
                limit -= 1
                said = {"folder": folder.name, "state": state, **_describe(folder.name, item)}
                _say(json.dumps(said))


def waiting(directory: Path, signal: Signal | None = None) -> Iterator[Waiting]:
    """What waits on disk, the oldest first in each folder."""
    for folder in _folders(directory, signal):
        for state, home in _homes(folder):
            records, oldest = 0, None
            for item in _items(home):
                records += 1
                oldest = item.written_at if oldest is None else oldest
            yield Waiting(folder.name, home.name, state, records, upkeep.size_of(home), oldest)


def _folders(directory: Path, signal: Signal | None = None) -> list[Path]:
    return sorted(path for path in directory.glob(f"{signal or '*'}-*") if path.is_dir())


def _homes(folder: Path) -> Iterator[tuple[str, Path]]:
    for home in homes.siblings(folder):
        yield "alive" if homes.is_alive(home) else "dead", home
    for home in homes.siblings(folder / upkeep.HELD):
        yield "held", home


def _items(home: Path) -> Iterator[Item]:
    """The records of a home that are not delivered yet, as far as it is known."""
    at_segment, offset = homes.delivered(home)
    for number, path in homes.segments(home):
        if number < at_segment:
            continue
        try:
            reader = SegmentReader(path, offset if number == at_segment else 0)
            size = path.stat().st_size
        except OSError:
            continue  # delivered meanwhile
        while items := reader.take(size, MAX_ITEMS, MAX_BYTES):
            yield from items
        reader.close()


def _describe(folder: str, item: Item) -> dict[str, Any]:
    said: dict[str, Any] = {"written_at": item.written_at, "bytes": len(item.content)}
    if folder.startswith("logs-"):
        [record] = ScopeLogs.FromString(item.content).log_records
        names = {"event_name": record.event_name, "time": record.time_unix_nano}
        return {**said, **names, "trace_id": record.trace_id.hex(), "span_id": record.span_id.hex()}
    [span] = ScopeSpans.FromString(item.content).spans
    times = {"start": span.start_time_unix_nano, "end": span.end_time_unix_nano}
    return {
        **said,
        "name": span.name,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        **times,
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
