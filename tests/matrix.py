"""The suite's core on each supported version of the client and of the SDK: one row for each combination.

    python3 tests/matrix.py [--only openai-1.66 --only sdk-1.39] [--fresh]

Each combination has an environment of its own in `.environments/`, made by uv and kept; each run brings it up
to date. Exits with 1 where a test fails or an environment cannot be made.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".environments" / "versions"

#: The suite's core: what runs inside of the host and depends on the client and the SDK.
CORE = ("tests/openai", "tests/sessions", "tests/tracing", "tests/pricing")
#: What these tests need beside the client and the SDK.
TOOLS = (
    "hypothesis",
    "msgspec>=0.20",
    "openai[realtime]",
    "pytest>=9",
    "pytest-asyncio>=1.2",
    "pyyaml",
    "starlette",
    "structlog",
    "uvicorn",
)

CLIENTS = {
    "openai-1.66": ("openai==1.66.0",),
    "openai-1": ("openai<2",),
    "openai-2": ("openai<3",),
    "openai-3.0": ("openai==3.0.0",),
    "openai-3": ("openai<4",),
}
SDKS = {
    "sdk-1.39": (
        "opentelemetry-distro==0.60b0",
        "opentelemetry-exporter-otlp-proto-http==1.39.0",
        "opentelemetry-instrumentation==0.60b0",
        "opentelemetry-sdk==1.39.0",
    ),
    "sdk-newest": (),
}


@dataclass(frozen=True)
class Row:
    """What came of one combination."""

    name: str
    #: Versions of the client and of the SDK that were installed.
    openai: str
    sdk: str
    passed: int
    failed: int
    skipped: int
    #: All that pytest said, or that uv said where there is no environment.
    output: str
    went_well: bool


def main() -> int:
    """Run the combinations that are asked for, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", default=[], help="as openai-1.66, sdk-1.39; repeatable")
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    options = parser.parse_args()
    if unknown := [name for name in options.only if name not in CLIENTS and name not in SDKS]:
        parser.error(f"{unknown[0]}: there are {', '.join((*CLIENTS, *SDKS))}")
    if options.fresh:
        shutil.rmtree(ENVIRONMENTS, ignore_errors=True)
    chosen = [
        (client, sdk)
        for client in CLIENTS
        for sdk in SDKS
        if all({client, sdk} & names for names in _asked(options.only))
    ]
    rows = []
    print("| openai | SDK | passed | failed | skipped |\n|---|---|---|---|---|")
    for client, sdk in chosen:
        row = run(client, sdk)
        rows.append(row)
        print(f"| {row.openai} | {row.sdk} | {row.passed} | {row.failed} | {row.skipped} |", flush=True)
    for row in rows:
        if not row.went_well:
            print(f"\n{row.name}:\n{row.output}")
    return 0 if all(row.went_well for row in rows) else 1


def _asked(only: list[str]) -> list[set[str]]:
    """The clients that are asked for, and the SDKs; all where none is."""
    asked = [set(only) & set(CLIENTS), set(only) & set(SDKS)]
    return [names for names in asked if names]


def run(client: str, sdk: str) -> Row:
    """Make or update the environment of one combination and run the core in it."""
    name = f"{client}+{sdk}"
    try:
        python = environment(name, [*CLIENTS[client], *SDKS[sdk]])
    except subprocess.CalledProcessError as error:
        return Row(name, client, sdk, 0, 0, 0, error.stderr, went_well=False)
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OTEL_", "INFRAPRISM_", "OPENAI_"))
    }
    options = ("-p", "no:cacheprovider", "--tb=short", "-rfEs")
    # Without its deadlines: how fast the machine is just now says nothing of a version.
    command = [python, "-m", "pytest", *options, "--hypothesis-profile=ci", *CORE]
    result = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True)

    def counted(what: str) -> int:
        # The last line: "3 failed, 700 passed, 2 skipped, 1 error in 60.00s".
        found = re.findall(rf"(\d+) {what}", result.stdout.rpartition("\n")[0].rpartition("\n")[2])
        return sum(int(number) for number in found)

    return Row(
        name,
        version(python, "openai"),
        version(python, "opentelemetry-sdk"),
        counted("passed"),
        counted("failed") + counted("error"),
        counted("skipped"),
        result.stdout + result.stderr,
        went_well=result.returncode == 0,
    )


def environment(name: str, versions: list[str]) -> str:
    """The interpreter of a combination's environment."""
    folder = ENVIRONMENTS / name
    python = str(folder / "bin" / "python")
    if not folder.exists():
        uv("venv", "--python", sys.executable, str(folder))
    extras = ("--editable", f"{ROOT}[openai,sdk]")
    uv("pip", "install", "--python", python, "--upgrade", *extras, *versions, *TOOLS)
    return python


def uv(*arguments: str) -> None:
    """Run uv, quietly; its errors are raised."""
    installed = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    subprocess.run([installed, *arguments, "--quiet"], check=True, capture_output=True, text=True, cwd=ROOT)


def version(python: str, package: str) -> str:
    """The version of a package in an environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
