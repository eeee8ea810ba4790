"""The rooms and their one-way doors: who may import whom. The table is `docs/architecture.md`, as code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "infraprism"
STANDARD = sys.stdlib_module_names | {"__future__"}

COMMON = {"infraprism", "infraprism.semconv"}  # `infraprism` itself is the version
API = {
    "opentelemetry.attributes",
    "opentelemetry.baggage",
    "opentelemetry.context",
    "opentelemetry.metrics",
    "opentelemetry.trace",
}
#: Room → what it may import beside the standard library and itself. A name opens all below it.
DOORS: dict[str, set[str]] = {
    "semconv": set(),
    "settings": {"infraprism.semconv"},
    "guard": set(),
    "providers": set(),
    "price_file": COMMON | {"infraprism.guard", "infraprism.pricing", "infraprism.settings"},
    "compat": {"infraprism.pricing", "infraprism.semconv"},
    "dialects": {"infraprism", "infraprism.pricing", "infraprism.semconv"},
    "pricing": {"genai_prices", "httpx2"},
    "sessions": COMMON
    | API
    | {
        "infraprism.guard",
        "infraprism.settings",
        "opentelemetry.instrumentation",  # only inside of a function, see below
    },
    "session_events": COMMON
    | API
    | {
        "infraprism.pricing",
        "infraprism.sessions",
        "infraprism.tracing",
        "opentelemetry._logs",
    },
    "openai": COMMON
    | API
    | {
        "infraprism.guard",
        "infraprism.price_file",
        "infraprism.pricing",
        "infraprism.providers",
        "infraprism.sessions",
        "infraprism.tracing",  # only inside of a function, see below
        "infraprism.settings",
        "opentelemetry._logs",
        "opentelemetry.instrumentation",
        "openai",
        "httpx2",
        "tiktoken",
        "wrapt",
    },
    "tracing": COMMON
    | API
    | {
        "infraprism.compat",
        "infraprism.dialects",
        "infraprism.guard",
        "infraprism.price_file",
        "infraprism.pricing",
        "infraprism.providers",
        "infraprism.sessions",
        "infraprism.settings",
        "opentelemetry._logs",
        "opentelemetry.exporter",
        "opentelemetry.sdk",
    },
    "collector": COMMON
    | {
        "infraprism.dialects",
        "infraprism.pricing",
        "infraprism.settings",
        "anyio",
        "clickhouse_connect",
        "duckdb",
        "google",
        "grpc",
        "httpx2",
        "jinja2",
        "markupsafe",
        "msgspec",
        "nanoarrow",
        "opentelemetry.proto",
        "pygal",
        "sqlglot",
        "starlette",
        "uvicorn",
        "zstandard",
    },
    "cli": {"infraprism", "rich"},
    "__init__": {
        "infraprism.sessions",
        "infraprism.session_events",
        "infraprism.openai",
        "infraprism.tracing",
    },
    "__main__": {"infraprism.cli"},
}
#: What may be imported only while a function runs (or for types): loading it is somebody's choice.
LATE = {
    "openai": {"openai", "httpx2", "tiktoken", "infraprism.tracing", "opentelemetry._logs"},
    "pricing": {"genai_prices", "httpx2"},
    "sessions": {"opentelemetry.instrumentation"},
    "session_events": {
        "infraprism.pricing",
        "infraprism.tracing",
        "opentelemetry._logs",
        "opentelemetry.metrics",
    },
    "tracing": {"opentelemetry.exporter"},
    "cli": {"infraprism.collector", "infraprism.openai", "infraprism.tracing", "rich"},
    "__init__": {"infraprism.openai", "infraprism.tracing"},
}
#: Modules that are themselves loaded late, and so may import it at the top.
LOADED_LATE = {
    "openai/client.py",
    "openai/typed/audio.py",
    "openai/typed/images.py",
    "openai/typed/media_arguments.py",
    "openai/typed/texts.py",
    "openai/typed/arguments.py",
    "openai/typed/chat.py",
    "openai/typed/embeddings.py",
    "openai/typed/files.py",
    "openai/typed/realtime.py",
    "openai/typed/responses.py",
    "cli/analytics_tables.py",
    "cli/price_tables.py",
    "cli/report.py",
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        relative = path.relative_to(SOURCE)
        yield relative.parts[0].removesuffix(".py"), path


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every imported module of a file, and whether it is imported when the file is."""
    tree = ast.parse(path.read_text())
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) not in late


def opens(door: str, name: str) -> bool:
    """`infraprism` opens its own names and no room, every other door all that lies behind it."""
    if door == "infraprism":
        return name.startswith("infraprism.") and name.split(".")[1] not in DOORS
    return name == door or name.startswith(f"{door}.")


@pytest.mark.parametrize(
    ("room", "path"), [pytest.param(r, p, id=str(p.relative_to(SOURCE))) for r, p in modules()]
)
def test_a_module_imports_only_through_the_doors_of_its_room(room: str, path: Path) -> None:
    allowed = DOORS[room] | {f"infraprism.{room}"}
    if room == "cli":
        allowed |= {f"infraprism.{other}" for other in DOORS}
    for name, at_once in imports(path):
        if name.partition(".")[0] in STANDARD:
            continue
        assert any(opens(door, name) for door in allowed), f"{room} may not import {name}"
        if at_once and str(path.relative_to(SOURCE)) not in LOADED_LATE:
            early = [door for door in LATE.get(room, ()) if opens(door, name)]
            assert not early, f"{name} may be imported only inside of a function"


def test_every_room_has_its_doors_written_down() -> None:
    assert {room for room, _ in modules()} == set(DOORS)


def test_the_exporters_do_not_need_infraprism() -> None:
    for path in (ROOT / "exporters").glob("*/src/**/*.py"):
        found = [name for name, _ in imports(path) if name.split(".")[0] == "infraprism"]
        assert not found, path


def test_importing_infraprism_loads_nothing_heavy() -> None:
    heavy = (
        "openai",
        "httpx2",
        "opentelemetry.sdk",
        "genai_prices",
        "duckdb",
        "starlette",
        "uvicorn",
        "rich",
    )
    code = f"import sys, infraprism, infraprism.cli; print([m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
