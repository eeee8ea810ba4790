"""The README's programs run as printed, and its commands are the ones that are checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from simulated_openai import SimulatedOpenAI, serve

from infraprism.cli import analytics
from infraprism.cli.services import Service, clean_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("collector")
    command = ["-m", "infraprism", "serve", "--port", "0", "--database", str(folder / "calls.duckdb")]
    service = Service(command, clean_environment(), folder / "log")
    yield service.url
    service.stop()


def test_the_programs_run_as_printed(api: SimulatedOpenAI, collector: str, tmp_path: Path) -> None:
    environ = clean_environment() | {
        "OPENAI_BASE_URL": api.base_url,
        "OPENAI_API_KEY": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    launcher = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    output = ""
    for number, program in enumerate(PROGRAMS):
        path = tmp_path / f"app{number}.py"
        path.write_text(program.replace("http://127.0.0.1:4318", collector))
        launched = [launcher] if "opentelemetry-instrument" in program else []
        result = subprocess.run(
            [*launched, sys.executable, str(path)],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (result.returncode, result.stderr) == (0, ""), program
        output = result.stdout
    # The last program asks for acme-corp: three programs have talked in its session conv-123.
    assert re.fullmatch(r"Session conv-123\n  Turns: 3\n  Cost: \$0\.00\d\d\n", output)
    rows = {row["entity_id"]: row for row in analytics.sessions(collector)}
    assert {entity: row["call_count"] for entity, row in rows.items()} == {"acme-corp": 3, None: 1}
    detail = analytics.session(collector, rows["acme-corp"])
    assert sum((call["cost"] for call in detail["calls"]), Decimal(0)) == detail["total_cost"]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    [command] = re.findall(r"^.*uv run pytest$", README, re.MULTILINE)
    assert command.startswith("python3 -m pip install ")
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_the_demo_command_names_what_there_is() -> None:
    [command] = re.findall(r"^.*infraprism demo$", README, re.MULTILINE)
    options = command.rpartition("uv run ")[2].split()
    assert options == ["--no-dev", "--extra", "all", "infraprism", "demo"]
    assert os.path.exists(Path(sys.executable).with_name("infraprism"))
