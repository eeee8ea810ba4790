"""`infraprism demo`: what conversations cost, from real programs over a real wire, on this machine alone."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from infraprism.cli.services import Service, StartError, clean_environment

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

PROGRAMS = ("chatbot.py", "agent.py", "basic_usage.py", "composite_ids.py")
_EXAMPLES = Path(__file__).parents[3] / "examples"
#: What must be importable, and the extra that brings it.
_NEEDED = ("duckdb", "uvicorn", "starlette", "rich", "openai", "opentelemetry.sdk", "opentelemetry.distro")


class DemoError(Exception):
    """The demo cannot go on; the message is one line for the user."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("demo", help="run sample conversations and show what they cost")
    parser.add_argument("--exit", action="store_true", help="end after the table instead of serving on")
    parser.add_argument(
        "--base-url",
        help="run the programs against this endpoint with OPENAI_API_KEY: it is real, and bills you",
    )
    parser.add_argument("--port", type=int, default=0, help="port of the collector (a free one)")
    parser.add_argument(
        "--data", type=Path, default=Path("infraprism-demo"), help="folder for data and logs (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; returns the exit code: 0 when every total was the sum of its calls."""
    # A shell that starts it in the background has it ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as running:
            return _run(args, running)
    except (DemoError, StartError, OSError) as error:
        print(f"infraprism demo: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0


def _run(args: argparse.Namespace, running: ExitStack) -> int:
    launcher = _check(args.base_url)
    from rich.console import Console

    from infraprism.cli import analytics, report

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    folder = args.data / f"run-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    folder.mkdir(parents=True)
    environ = clean_environment()

    def start(name: str, program: list[str]) -> Service:
        service = Service(program, environ, folder / f"{name}.log")
        running.callback(service.stop)
        return service

    with console.status("starting the collector"):
        database = str(folder / "infraprism.duckdb")
        serve = [
            "-m",
            "infraprism",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(args.port),
            "--grpc-port",
            "off",
        ]
        collector = start("collector", [*serve, "--database", database])
    console.print(f"collector      {collector.url}  (data in {folder})", soft_wrap=True)
    if args.base_url is None:
        simulated = start("simulated_openai", [str(_EXAMPLES / "simulated_openai.py"), "--port", "0"])
        environ |= {"OPENAI_BASE_URL": simulated.url, "OPENAI_API_KEY": "simulated"}
        console.print(f"OpenAI API     {simulated.url}  (simulated: no model behind it)", soft_wrap=True)
    else:
        environ["OPENAI_BASE_URL"] = args.base_url
        console.print(f"OpenAI API     {args.base_url}", soft_wrap=True)
    environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    for program in PROGRAMS:
        began = time.monotonic()
        with console.status(f"running {program}"):
            _run_program(launcher, program, environ, folder)
        console.print(f"ran            {program}  ({time.monotonic() - began:.1f} s)")
    rows = analytics.sessions(collector.url)
    details = [analytics.session(collector.url, row) for row in rows]
    console.print(report.table(rows))
    wrong = report.differences(details)
    for line in wrong:
        console.print(f"[red]does not add up[/red]: {line}")
    if not wrong:
        calls = sum(len(detail["calls"]) for detail in details)
        console.print(
            f"sum check      {len(rows)} sessions, {calls} calls: each total is the sum of its calls"
        )
    console.print(f"Analytics API  {collector.url}/v1/analytics/sessions", soft_wrap=True)
    if not args.exit:
        console.print("serving until Ctrl-C")
        while True:
            time.sleep(3600)
    return 1 if wrong or not rows else 0


def _check(base_url: str | None) -> str:
    """The `opentelemetry-instrument` command; raises `DemoError` naming what is missing."""
    missing = [name for name in _NEEDED if not _importable(name)]
    if missing:
        raise DemoError(f"needs {', '.join(missing)}: pip install 'infraprism[all]'")
    lost = [name for name in (*PROGRAMS, "simulated_openai.py") if not (_EXAMPLES / name).is_file()]
    if lost:
        raise DemoError(
            f"runs programs of the repository and {_EXAMPLES / lost[0]} is not there: clone it first"
        )
    if base_url is not None and not os.environ.get("OPENAI_API_KEY"):
        raise DemoError("--base-url needs OPENAI_API_KEY in the environment")
    launcher = shutil.which("opentelemetry-instrument", path=str(Path(sys.executable).parent))
    if launcher is None:
        raise DemoError(
            f"opentelemetry-instrument is not beside {sys.executable}: pip install 'infraprism[all]'"
        )
    return launcher


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _run_program(launcher: str, program: str, environ: dict[str, str], folder: Path) -> None:
    log = folder / f"{program}.log"
    with log.open("wb") as output:
        code = subprocess.call(  # noqa: S603 - our own programs
            [launcher, sys.executable, str(_EXAMPLES / program)],
            env=environ | {"OTEL_SERVICE_NAME": Path(program).stem},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if code != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise DemoError(f"{program} failed ({lines[-1] if lines else code}), see {log}")
