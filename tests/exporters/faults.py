"""The fault matrix: real processes make calls while what they deliver to fails, and nothing may be missing.

Each row: workers make calls for a while, in the middle half of which the fault lasts. Then they end, what
dead ones have left is flushed, and the collector is asked for every call. Beside it, the same spans in the
same processes go through the SDK's batch processor and the official exporter, to a server of their own that
fails likewise.

    python -m tests.exporters.faults [--seconds 60] [--rate 200] [--workers 4] [ROW ...]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infraprism.cli import analytics
from infraprism.cli.services import Service, clean_environment
from tests.exporters.fault_server import Fault, FaultServer

HERE = Path(__file__).parent
CERTIFICATES = HERE / "certificates"
SPOOL = str(Path(sys.executable).with_name("infraprism-spool"))
#: What identifies a span: trace id, span id.
Identity = tuple[bytes, bytes]


@dataclass(frozen=True)
class Row:
    """One kind of failure.

    Attributes:
        fault, status, headers: what the servers do.
        signal: what is sent to a worker now and then, which is then followed by another.
        arguments: of each worker.
        loses_power: at the end all workers are killed, and what was not synced is taken off the disk.
    """

    fault: Fault | None = None
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    is_down: bool = False
    has_wrong_certificate: bool = False
    signal: signal.Signals | None = None
    arguments: Sequence[str] = ()
    loses_power: bool = False


ROWS: dict[str, Row] = {
    "backend down": Row(is_down=True),
    "killed while answering": Row(Fault.KILLED_WHILE_ANSWERING),
    "503 with Retry-After": Row(Fault.STATUS, 503, {"Retry-After": "1"}),
    "500": Row(Fault.STATUS, 500),
    "slow loris": Row(Fault.SLOW),
    "connection reset": Row(Fault.RESET),
    "partial success": Row(Fault.PARTIAL),
    "TLS error, then fixed": Row(has_wrong_certificate=True),
    "disk full": Row(arguments=("--file-size", "30000")),
    "SIGTERM": Row(signal=signal.SIGTERM),
    "SIGKILL": Row(signal=signal.SIGKILL),
    "power loss, fsync on": Row(is_down=True, loses_power=True),
}


@dataclass
class Result:
    """What became of the calls of a row.

    Attributes:
        ended: spans that had ended.
        collected: of them, those that the collector has.
        more: calls that the collector has and that had not been said to have ended: their worker was killed.
        twice: calls that the collector has more than once.
        repeats: spans that the server accepted again.
        rejected: spans that the server said it would not have.
        beside: of those that had ended, what the other exporter's server accepted; None where there was none.
    """

    ended: int
    collected: int
    more: int
    twice: int
    repeats: int
    rejected: int
    beside: int | None

    @property
    def lost(self) -> int:
        """Spans that had ended, were not rejected, and are not there."""
        return self.ended - self.collected - self.rejected


class Worker:
    """A process that makes calls, and what it says of those that have ended."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        command = [sys.executable, str(HERE / "fault_worker.py"), *arguments]
        self.process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.ended: set[Identity] = set()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # What a killed process has not written to its end, it has not said.
            if line.endswith(b"\n"):
                trace_id, span_id = line.decode().split()
                self.ended.add((bytes.fromhex(trace_id), bytes.fromhex(span_id)))

    def wait(self) -> set[Identity]:
        """All that had ended, once the process has."""
        self.process.wait(60)
        self._reader.join(60)
        return self.ended


def run(row: Row, *, seconds: float, rate: float, workers: int, beside: bool, folder: Path) -> Result:
    """Do what the row says, and count."""
    database = ["-m", "infraprism", "serve", "--port", "0", "--database", str(folder / "calls.duckdb")]
    collector = Service(database, clean_environment(), folder / "collector.log")
    server, other = FaultServer(collector.url), FaultServer()
    servers = [server, other]
    for each in servers:
        each.keep_requests = False
        if row.has_wrong_certificate:
            each.certify(CERTIFICATES / "right.pem", CERTIFICATES / "right.key")
    journal = folder / "synced"
    environ = clean_environment()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        environ.pop(
            name, None
        )  # `requests`, which the official exporter uses, puts them above its own setting
    environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(CERTIFICATES / "right.pem"),
        "BESIDE_ENDPOINT": f"{other.url}/v1/traces",
        "INFRAPRISM_SPOOL_DIR": str(folder / "spool"),
        "INFRAPRISM_SPOOL_FSYNC": "on" if row.loses_power else "off",
    }
    arguments = [*row.arguments, *(["--beside"] if beside else [])]
    if row.loses_power:
        arguments += ["--synced", str(journal)]

    def start(left: float) -> Worker:
        return Worker([str(rate / workers), str(left), *arguments], environ)

    began = time.monotonic()
    running = [start(seconds) for _ in range(workers)]
    all_workers = list(running)
    _sleep_until(began + seconds / 4)
    _begin(row, servers)
    every = min(2.0, seconds / 4)
    while time.monotonic() < began + seconds * 3 / 4:
        time.sleep(every if row.signal else seconds / 2)
        if row.signal is not None:
            at = random.randrange(len(running))
            running[at].process.send_signal(row.signal)
            running[at] = start(began + seconds - time.monotonic())
            all_workers.append(running[at])
    if row.loses_power:
        for worker in running:
            worker.process.kill()
            worker.wait()
        lose_power(folder / "spool", journal)
    _end(row, servers)
    ended = {identity for worker in all_workers for identity in worker.wait()}
    flushed = subprocess.run([SPOOL, "flush"], env=environ, capture_output=True, text=True, check=False)
    if flushed.returncode:
        print(flushed.stdout, flushed.stderr, file=sys.stderr)
    collected = _collected(collector.url)
    result = Result(
        ended=len(ended),
        collected=len(ended & collected.keys()),
        more=len(collected.keys() - ended),
        twice=sum(times > 1 for times in collected.values()),
        repeats=sum(server.spans.values()) - len(server.spans),
        rejected=server.rejected,
        beside=len(ended & other.spans.keys()) if beside else None,
    )
    for each in servers:
        each.down()
    collector.stop()
    return result


def lose_power(spool: Path, journal: Path) -> None:
    """Take off the disk what no sync has put there: the ends of files, and names of files and folders."""
    sizes: dict[str, int] = {}
    names: set[str] = set()
    for line in journal.read_text().splitlines():
        kind, size, path = line.split(" ", 2)
        if kind == "name":
            names.add(path)
        else:
            sizes[path] = max(int(size), sizes.get(path, 0))
    for path in spool.rglob("*.segment"):
        if str(path) not in names or str(path.parent) not in names:
            path.unlink()
        else:
            os.truncate(path, min(sizes.get(str(path), 0), path.stat().st_size))
    for path in spool.rglob("delivered"):
        path.unlink()


def _begin(row: Row, servers: Sequence[FaultServer]) -> None:
    for server in servers:
        server.status, server.headers = row.status, dict(row.headers)
        server.fault = row.fault or Fault.NONE
        if row.is_down:
            server.down()
        if row.has_wrong_certificate:
            server.certify(CERTIFICATES / "wrong.pem", CERTIFICATES / "wrong.key")


def _end(row: Row, servers: Sequence[FaultServer]) -> None:
    for server in servers:
        server.fault = Fault.NONE
        server.up()
        if row.has_wrong_certificate:
            server.certify(CERTIFICATES / "right.pem", CERTIFICATES / "right.key")


def _collected(url: str) -> dict[Identity, int]:
    found: dict[Identity, int] = {}
    for row in analytics.sessions(url):
        for call in analytics.session(url, row)["calls"]:
            identity = bytes.fromhex(call["trace_id"]), bytes.fromhex(call["span_id"])
            found[identity] = found.get(identity, 0) + 1
    return found


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200, help="calls a second, of all workers")
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    print(
        "| fault | calls | lost | repeats sent | in the collector twice | lost by the SDK's batch processor |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    for name in given.rows:
        with tempfile.TemporaryDirectory() as folder:
            result = run(
                ROWS[name],
                seconds=given.seconds,
                rate=given.rate,
                workers=given.workers,
                beside=True,
                folder=Path(folder),
            )
        rejected = f" ({result.rejected:,} rejected)" if result.rejected else ""
        lost_beside = "" if result.beside is None else f"{result.ended - result.beside:,}"
        counted = f"{result.lost:,}{rejected} | {result.repeats:,} | {result.twice:,}"
        print(f"| {name} | {result.ended:,} | {counted} | {lost_beside} |", flush=True)


if __name__ == "__main__":
    main()
