"""`infraprism demo` as a user runs it: a real process, from an empty folder."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "infraprism", "demo"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_demo(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *options], capture_output=True, text=True, timeout=120)


@pytest.fixture
def serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo that serves on, and the address of its collector."""
    process = subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if "serving until Ctrl-C" in line:
            break
    found = re.search(r"collector +(\S+)", output)
    assert found, output
    yield process, found.group(1)
    process.kill()
    process.wait()
    process.stdout.close()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_it_ends_with_the_table_the_right_sums_and_exit_code_0(tmp_path: Path) -> None:
    result = run_demo("--exit")
    assert (result.returncode, result.stderr) == (0, "")
    rows = re.findall(r"customer/acme-corp +\S+ +(\d+) +(\d+) +([\d,]+) +([\d,]+) +\$([\d.]+)", result.stdout)
    totals = re.search(r"total +(\d+) +(\d+) +(\d+) +([\d,]+) +([\d,]+) +\$([\d.]+)", result.stdout)
    assert totals is not None, result.stdout
    assert len(rows) == int(totals.group(1)) == 5
    assert sum(int(row[1]) for row in rows) == int(totals.group(3)) == 9
    assert "5 sessions, 9 calls: each total is the sum of its calls" in result.stdout
    [database] = tmp_path.glob("infraprism-demo/run-*/infraprism.duckdb")
    assert database.stat().st_size > 0


def test_it_serves_until_ctrl_c(serving: tuple[subprocess.Popen[str], str]) -> None:
    process, url = serving
    assert answers(url)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert not answers(url)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_nothing_is_left_running_after_kill_9_and_it_runs_again(
    serving: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = serving
    process.kill()
    deadline = time.monotonic() + 20
    while answers(url):
        assert time.monotonic() < deadline, "the collector outlived the demo"
        time.sleep(0.05)
    assert run_demo("--exit").returncode == 0


def test_a_taken_port_gets_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_demo("--exit", "--port", str(port))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"infraprism demo: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_real_endpoint_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result = run_demo("--base-url", "https://example.invalid/v1")
    assert result.returncode == 1
    assert result.stderr == "infraprism demo: --base-url needs OPENAI_API_KEY in the environment\n"


def test_a_program_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    result = run_demo("--exit", "--base-url", "http://127.0.0.1:9/v1")  # nobody listens there
    assert result.returncode == 1
    assert re.match(r"infraprism demo: chatbot.py failed \(.*Connection error.*\), see \S+\n$", result.stderr)
