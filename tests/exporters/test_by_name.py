"""Chosen by name, in the environment or in a configuration file, a span is on disk when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from infraprism_exporter_otlp import settings
from infraprism_exporter_otlp.by_name import NamedLogExporter, NamedSpanExporter
from opentelemetry.util._importlib_metadata import entry_points

from tests.exporters.fault_server import FaultServer
from tests.exporters.test_delivery import App, until

LAUNCHER = str(Path(sys.executable).with_name("opentelemetry-instrument"))
#: It dies as a process does that is killed: nothing is flushed.
PROGRAM = """
import os
from opentelemetry import trace, _logs

for number in range(3):
    trace.get_tracer("test").start_span(f"call {number}").end()
    _logs.get_logger("test").emit(_logs.LogRecord(event_name="infraprism.call", body=None))
os._exit(0)
"""
SET_UP = (
    "from opentelemetry.configuration import configure_sdk, load_config_file as l; configure_sdk(l('{}'))"
)
FILE = """
file_format: "1.0"
tracer_provider:
  processors:
    - {processor}:
        exporter:
          infraprism:
            spool_directory: {directory}
            headers: {{x-team: a}}
logger_provider:
  processors:
    - {processor}:
        exporter:
          infraprism:
            spool_directory: {directory}
"""


def test_the_names() -> None:
    [spans] = entry_points(group="opentelemetry_traces_exporter", name="infraprism")
    [logs] = entry_points(group="opentelemetry_logs_exporter", name="infraprism")
    assert (spans.load(), logs.load()) == (NamedSpanExporter, NamedLogExporter)


def run(program: str, *launcher: str, **settings: str) -> str:
    environ = {
        **os.environ,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",  # nobody is there
        **settings,
    }
    command = [*launcher, sys.executable, "-c", program]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    return result.stderr


def delivered(server: FaultServer, directory: Path) -> tuple[int, int]:
    """How many spans and log records there are on disk, by having the next process send them."""
    # A folder's name says where its records go: to a server that is there.
    for signal in get_args(settings.Signal):
        [folder] = directory.glob(f"{signal}-*")
        folder.rename(settings.load(signal).folder)
    app = App()
    logs = NamedLogExporter()
    until(lambda: app._processor._exporter.delivery.deliver_dead(5) and logs.delivery.deliver_dead(5))
    app.provider.shutdown()
    logs.shutdown()
    assert sum(server.spans.values()) == len(server.spans)
    return len(server.spans), len(server.records)


def test_by_the_environment(server: FaultServer, directory: Path) -> None:
    names = {"OTEL_TRACES_EXPORTER": "infraprism", "OTEL_LOGS_EXPORTER": "infraprism"}
    run(PROGRAM, LAUNCHER, **names)
    assert delivered(server, directory) == (3, 3)


@pytest.mark.parametrize("processor", ["batch", "simple"])
def test_by_a_file_under_the_launcher(
    server: FaultServer, directory: Path, tmp_path: Path, processor: str
) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text(FILE.format(processor=processor, directory=directory))
    run(PROGRAM, LAUNCHER, OTEL_CONFIG_FILE=str(file))
    assert delivered(server, directory) == (3, 3)


def test_by_a_file_without_the_launcher(server: FaultServer, directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text(FILE.format(processor="simple", directory=directory))
    run(f"{SET_UP.format(file)}\n{PROGRAM}")
    assert delivered(server, directory) == (3, 3)


def test_each_span_is_sent_once_though_two_processors_have_it(server: FaultServer) -> None:
    run(
        PROGRAM.replace("os._exit(0)", ""),
        LAUNCHER,
        OTEL_TRACES_EXPORTER="infraprism",
        OTEL_LOGS_EXPORTER="infraprism",
        OTEL_EXPORTER_OTLP_ENDPOINT=server.url,
    )
    assert (sum(server.spans.values()), len(server.spans), len(server.records)) == (3, 3, 3)
    assert server.paths == {"/v1/traces": 1, "/v1/logs": 1}
