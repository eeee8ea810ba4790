"""The programs of docs/sessions.md run as printed, and their calls are in the sessions that it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_openai import serve

from infraprism.cli import analytics
from infraprism.cli.services import Service, clean_environment

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text()
#: The program of each section that has one.
PROGRAMS = {
    section.partition("\n")[0]: found[1]
    for section in DOCUMENT.split("\n## ")
    if (found := re.search(r"```python\n(.*?)```", section, re.DOTALL))
}


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a program that talks to a simulated API and a collector."""
    server = serve()
    folder = tmp_path_factory.mktemp("collector")
    command = ["-m", "infraprism", "serve", "--port", "0", "--database", str(folder / "calls.duckdb")]
    service = Service(command, clean_environment(), folder / "log")
    yield clean_environment() | {
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": service.url,
        "INFRAPRISM_BAGGAGE": "infraprism.session.id",
    }
    service.stop()
    server.close()


def run(environ: dict[str, str], name: str, then: str = "") -> tuple[str, str]:
    """What a program printed, and its log."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAMS[name] + then], env=environ, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def test_the_calls_are_in_their_sessions(environ: dict[str, str]) -> None:
    for name in ("A function", "A conversation", "Threads and tasks"):
        assert run(environ, name) == ("", "")
    rows = {row["entity_id"]: row for row in analytics.sessions(environ["OTEL_EXPORTER_OTLP_ENDPOINT"])}
    assert {entity: row["turn_count"] for entity, row in rows.items()} == {
        "acme-corp": 1,
        "globex": 2,
        "initech": 3,
    }
    assert (rows["acme-corp"]["session_id"], rows["initech"]["session_id"]) == ("conv-123", "threads")
    assert rows["globex"]["tags"] == {"feature": ["chatbot"]}


def test_a_request_is_served_in_its_session(environ: dict[str, str]) -> None:
    ask = """
import asyncio
from infraprism.sessions import identity_in

async def where(scope, receive, send):
    print(*identity_in()[:3], dict(identity_in().tags))

app.router.default = where
headers = [(b"x-conversation-id", b"conv-123"), (b"cookie", b"customer=acme-corp"), (b"x-feature", b"chat")]
scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
asyncio.run(app(scope, None, None))
"""
    said = "conv-123 customer acme-corp {'service': 'chatbot', 'feature': 'chat'}\n"
    assert run(environ, "Requests that are served", ask) == (said, "")


def test_baggage_is_for_the_one_request(environ: dict[str, str]) -> None:
    assert run(environ, "Baggage", "print(headers)") == (
        "{'baggage': 'infraprism.session.id=conv-123'}\n",
        "",
    )


def test_log_lines_say_the_session(environ: dict[str, str]) -> None:
    assert run(environ, "Logs") == ("", "Starting chat session [conv-123]\n")


def test_no_program_is_left_out() -> None:
    assert len(PROGRAMS) == DOCUMENT.count("```python") == 6
