"""Processes that fork, spawn, and die: what they have ended is delivered, once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exporters.fault_server import FaultServer
from tests.exporters.test_delivery import App, left_on_disk, until

START = """
import multiprocessing, os, signal, sys, threading, time
from infraprism_exporter_otlp import InfraPrismSpanProcessor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

def start():
    provider = TracerProvider()
    provider.add_span_processor(InfraPrismSpanProcessor())
    trace.set_tracer_provider(provider)

def end_spans(name, count=10):
    for number in range(count):
        trace.get_tracer("test").start_span(f"{name} {number}").end()
"""
#: How processes end with 10 spans each, and how many spans there are.
PROGRAMS = {
    "exit": ("start(); end_spans('a')", 10),
    "os._exit": ("start(); end_spans('a'); os._exit(0)", 10),
    "SIGKILL": ("start(); end_spans('a'); os.kill(os.getpid(), signal.SIGKILL)", 10),
    "SIGTERM": ("start(); end_spans('a'); os.kill(os.getpid(), signal.SIGTERM)", 10),
    "a crash": ("start(); end_spans('a'); import ctypes; ctypes.string_at(0)", 10),
    "a forked child": (
        """
start()
end_spans("parent")
if os.fork() == 0:
    end_spans("child")
    os._exit(0)
os.wait()
end_spans("parent again")
""",
        30,
    ),
    "a fork whose parent dies first": (
        """
start()
end_spans("parent")
if os.fork() == 0:
    time.sleep(0.5)
    end_spans("child")
    os._exit(0)
os._exit(0)
""",
        20,
    ),
    "a child of a child": (
        """
start()
end_spans("parent")
if os.fork() == 0:
    end_spans("child")
    if os.fork() == 0:
        end_spans("grandchild")
        os._exit(0)
    os.wait()
    os._exit(0)
os.wait()
""",
        30,
    ),
    "forks while threads end spans": (
        """
start()
threads = [threading.Thread(target=end_spans, args=("thread", 300)) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(5):
    child = os.fork()
    if child == 0:
        end_spans("child", 20)
        os._exit(0)
    children.append(child)
for thread in threads:
    thread.join()
for child in children:
    os.waitpid(child, 0)
""",
        1000,
    ),
    "multiprocessing fork": (
        """
start()
process = multiprocessing.get_context("fork").Process(target=end_spans, args=("child",))
process.start()
process.join()
""",
        10,
    ),
}


def run(program: str) -> None:
    """Run it, and all that it starts, to the end."""
    command = [sys.executable, "-c", START + program]
    process = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE)
    process.communicate(timeout=60)  # the pipe is open as long as any of them lives


@pytest.mark.parametrize("how", PROGRAMS)
def test_what_has_ended_is_delivered_however_its_process_ends(
    server: FaultServer, directory: Path, how: str
) -> None:
    program, spans = PROGRAMS[how]
    run(program)
    app = App()
    until(lambda: len(server.spans) == spans)
    assert app._processor._exporter.delivery.deliver_dead(10)
    app.provider.shutdown()
    assert set(server.spans.values()) == {1}
    assert left_on_disk(directory) == []


def test_spawned_processes(server: FaultServer, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        START
        + """
def child():
    start()
    end_spans("child")
    os._exit(0)

if __name__ == "__main__":
    start()
    end_spans("parent")
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
"""
    )
    subprocess.run([sys.executable, str(program)], timeout=60, check=True)
    app = App()
    until(lambda: len(server.spans) == 20)
    app.provider.shutdown()


def test_gunicorn_workers_that_were_forked_and_killed(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        START
        + """
start()

def application(environ, respond):
    end_spans("request")
    respond("200 OK", [])
    if environ["PATH_INFO"] == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return [b""]
"""
    )
    options = [
        "--preload",
        "--workers",
        "2",
        "--bind",
        "unix:" + str(tmp_path / "socket"),
        "--no-control-socket",
    ]
    command = [sys.executable, "-m", "gunicorn", *options, "app:application"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        until(lambda: (tmp_path / "socket").exists(), 20)
        for path in ("/", "/kill", "/", "/kill", "/"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(tmp_path / "socket"))
                connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                while connection.recv(1000):
                    pass
    finally:
        process.terminate()
        process.wait(20)
    app = App()
    until(lambda: len(server.spans) == 50)
    app.provider.shutdown()


def test_what_others_have_left_is_adopted_by_one(server: FaultServer) -> None:
    for _ in range(3):
        run(PROGRAMS["os._exit"][0])
    apps = [App() for _ in range(4)]
    until(lambda: len(server.spans) == 30)
    assert set(server.spans.values()) == {1}
    assert sum(app.counts.adopted for app in apps) <= 3
    for app in apps:
        app.provider.shutdown()
