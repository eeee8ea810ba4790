"""Sessions hold together, whatever an application is made of: the collector says what the API has billed.

Everything is real but the model: the launcher, the client, sockets, threads, processes, the collector.
"""

from __future__ import annotations

import signal
import socket
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from simulated_openai import SimulatedOpenAI, serve

from tests.support.billed import check, exporting, serving
from tests.support.processes import Process

PROGRAMS = Path(__file__).with_name("programs")
COMMANDS = Path(sys.executable).parent
LAUNCHER = str(COMMANDS / "opentelemetry-instrument")


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path) as address:
        yield address


def run(program: str, api: SimulatedOpenAI, collector: str) -> None:
    command = [LAUNCHER, sys.executable, str(PROGRAMS / program)]
    with Process(command, exporting(api, collector)) as process:
        assert process.wait(60) == 0, process.output


@pytest.mark.parametrize(("program", "turns"), [("threads.py", 3), ("tasks.py", 4), ("executors.py", 3)])
def test_in_one_process(api: SimulatedOpenAI, collector: str, program: str, turns: int) -> None:
    run(program, api, collector)
    check(api, collector, {f"conv-{number}": turns for number in range(4)})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def test_in_a_server_of_several_processes_and_across_services(api: SimulatedOpenAI, collector: str) -> None:
    front, back = free_port(), free_port()
    gunicorn = [str(COMMANDS / "gunicorn"), "--chdir", str(PROGRAMS), "--workers", "4", "back:app"]
    serving = [LAUNCHER, *gunicorn, "--bind", f"127.0.0.1:{back}", "--no-control-socket"]
    variables = {"PORT": str(front), "BACK": f"http://127.0.0.1:{back}"}
    with (
        Process(serving, exporting(api, collector)) as behind,
        Process(
            [LAUNCHER, sys.executable, str(PROGRAMS / "front.py")], exporting(api, collector, **variables)
        ) as ahead,
    ):
        behind.wait_for_line("Booting worker")
        ahead.wait_for_line("Uvicorn running")

        def turn(number: int) -> str:
            cookie = {"cookie": f"conversation=conv-{number % 5}"}
            request = urllib.request.Request(f"http://127.0.0.1:{front}", headers=cookie)
            with urllib.request.urlopen(request) as answer:
                worker: str = answer.read().decode()
                return worker

        with ThreadPoolExecutor(8) as users:
            workers = Counter(users.map(turn, range(40)))
        # uvicorn ends by the very SIGTERM that stops it, and nothing is exported then.
        assert (ahead.stop(by=signal.SIGINT), behind.stop()) == (0, 0), ahead.output + behind.output
    assert len(workers) > 1, "all was done by one process"
    check(api, collector, {f"conv-{number}": 16 for number in range(5)})
