"""`infraprism-spool`, on what real processes have left."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exporters.fault_server import Fault, FaultServer
from tests.exporters.test_delivery import App, left_on_disk, until
from tests.exporters.test_processes import PROGRAMS, run

SPOOL = str(Path(sys.executable).with_name("infraprism-spool"))


def spool(*arguments: str) -> tuple[int, str]:
    command = [SPOOL, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return result.returncode, result.stdout


def states(output: str) -> list[tuple[str, str]]:
    """Of each process in the output of `status`: its state, and how many records it has."""
    return sorted(re.findall(r"  (alive|dead|held)  (\d+) records", output))


@pytest.fixture
def dead(server: FaultServer) -> None:
    """Ten spans of a process that was killed."""
    run(PROGRAMS["SIGKILL"][0])


@pytest.mark.usefixtures("dead")
def test_status_says_what_waits(server: FaultServer, directory: Path) -> None:
    server.fault = Fault.STATUS
    app = App()
    app.end_spans(3)
    until(lambda: app.counts.retried > 0)
    code, output = spool("status")
    assert (code, output.splitlines()[-1]) == (0, f"13 records in {directory}")
    assert ("alive", "3") in states(output)
    app.provider.shutdown()
    assert states(spool("status")[1]) == [("dead", "10"), ("dead", "3")]


@pytest.mark.usefixtures("dead")
def test_inspect_shows_records_without_content(server: FaultServer) -> None:
    code, output = spool("inspect", "--limit", "4")
    found = [json.loads(line) for line in output.splitlines()]
    assert (code, [each["name"] for each in found]) == (0, ["a 0", "a 1", "a 2", "a 3"])
    assert set(found[0]) == {
        *("folder", "state", "written_at", "bytes"),
        *("name", "trace_id", "span_id", "start", "end"),
    }


@pytest.mark.usefixtures("dead")
def test_flush_sends_what_dead_processes_left(server: FaultServer, directory: Path) -> None:
    assert spool("flush") == (0, "traces: 10 sent, 0 lost\n")
    assert len(server.spans) == 10
    assert left_on_disk(directory) == []


@pytest.mark.usefixtures("dead")
def test_flush_says_what_is_left(server: FaultServer) -> None:
    server.fault = Fault.STATUS
    code, output = spool("flush")
    assert (code, output) == (1, "traces: 0 sent, 0 lost\n10 records are left\n")
    server.fault = Fault.NONE
    assert spool("flush")[0] == 0


@pytest.mark.usefixtures("dead")
def test_flush_sends_what_was_not_let_in(server: FaultServer) -> None:
    server.fault, server.status = Fault.STATUS, 401
    assert spool("flush")[0] == 1
    assert states(spool("status")[1]) == [("held", "10")]
    server.fault = Fault.NONE
    assert spool("flush") == (0, "traces: 10 sent, 0 lost\n")
