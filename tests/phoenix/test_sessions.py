"""A real Phoenix shows the sessions, with the tokens and the costs that were billed.

Only where `PHOENIX_COMMAND` says what starts it; `requirements.txt` says how.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from simulated_openai import SimulatedOpenAI, serve

from tests.support.billed import ask, environ, exporting, price
from tests.support.processes import Process
from tests.support.setups import CALLS, LAUNCHER, SEED

COMMAND = os.environ.get("PHOENIX_COMMAND")
pytestmark = pytest.mark.skipif(
    not COMMAND, reason="PHOENIX_COMMAND is not set: see tests/phoenix/requirements.txt"
)
#: What the page of a project shows of its sessions.
SHOWN = """
query ($name: String!) {
  getProjectByName(name: $name) {
    sessions(first: 100) {
      edges {
        node {
          sessionId
          tokenUsage { prompt completion }
          costSummary { total { cost } }
        }
      }
    }
  }
}
"""


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty one."""
    assert COMMAND
    port, grpc = free_ports()
    own = environ(
        PHOENIX_HOST="127.0.0.1",
        PHOENIX_PORT=str(port),
        PHOENIX_GRPC_PORT=str(grpc),
        PHOENIX_WORKING_DIR=str(tmp_path_factory.mktemp("phoenix")),
        PHOENIX_TELEMETRY_ENABLED="false",
    )
    address = f"http://127.0.0.1:{port}"
    with Process([COMMAND, "serve"], own) as process:
        for _ in range(240):
            try:
                ask(f"{address}/v1/projects")
                break
            except urllib.error.URLError:
                time.sleep(0.5)
        else:
            pytest.fail(f"it does not answer:\n{process.output}")
        yield address


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


def shown(phoenix: str, project: str) -> dict[str, tuple[int, int, Decimal]]:
    """Tokens of prompts, of replies, and the cost in billionths of a dollar, which are floats there."""
    body = json.dumps({"query": SHOWN, "variables": {"name": project}}).encode()
    request = urllib.request.Request(f"{phoenix}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        found = json.load(answer)["data"]["getProjectByName"]
    sessions = [edge["node"] for edge in found["sessions"]["edges"]] if found else []
    return {
        session["sessionId"]: (
            session["tokenUsage"]["prompt"],
            session["tokenUsage"]["completion"],
            rounded(Decimal(session["costSummary"]["total"]["cost"] or 0)),
        )
        for session in sessions
    }


def rounded(cost: Decimal) -> Decimal:
    return cost.quantize(Decimal("1e-9"))


def settled(phoenix: str, project: str, spans: int) -> list[dict[str, Any]]:
    """All the spans of a project, once it has them and has reckoned what they cost."""
    deadline = time.monotonic() + 60
    before: Any = None
    while time.monotonic() < deadline:
        try:
            found: list[dict[str, Any]] = ask(f"{phoenix}/v1/projects/{project}/spans?limit=1000")["data"]
        except urllib.error.HTTPError:
            found = []  # the project is made by its first span
        now = shown(phoenix, project) if len(found) >= spans else None
        if now and now == before and all(cost for _, _, cost in now.values()):
            return found
        before = now
        time.sleep(2)
    pytest.fail(f"only {len(found)} spans, {before}")


@pytest.mark.parametrize("mode", ["join", "nest", "link"])
def test_its_sessions_are_those_of_the_bill(phoenix: str, api: SimulatedOpenAI, mode: str) -> None:
    variables = {
        "OTEL_RESOURCE_ATTRIBUTES": f"openinference.project.name={mode}",
        "INFRAPRISM_COMPAT": "openinference",
        "INFRAPRISM_TAGS": "feature=seed",
        "INFRAPRISM_SESSION_MODE": mode,
        "BLOCKS": "yes",
        "PREFIX": f"{mode}-",  # it has a session, as a trace, in one project only
    }
    command = [*LAUNCHER, sys.executable, str(SEED)]
    with Process(command, exporting(api, phoenix, **variables)) as process:
        assert process.wait(60) == 0, process.output

    spans = settled(phoenix, mode, sum(CALLS.values()) + (len(CALLS) if mode == "nest" else 0))
    calls = {
        span["attributes"]["gen_ai.response.id"]: span["attributes"]
        for span in spans
        if span["span_kind"] == "LLM"
    }
    bill = {entry["id"]: entry for entry in api.bill()}
    assert calls.keys() == bill.keys()
    expected: defaultdict[str, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0)])
    for response, entry in bill.items():
        usage = entry["usage"]
        attributes = calls[response]
        # The model that served the call, by whose price it reckons, and the tags: it has them from our names.
        assert attributes["llm.model_name"] == entry["model"]
        assert attributes["tag.tags"] == ["feature=seed"]
        one = expected[attributes["session.id"]]
        one[0] += usage.get("prompt_tokens", usage.get("input_tokens"))
        one[1] += usage.get("completion_tokens", usage.get("output_tokens"))
        one[2] += price(entry)
    assert expected.keys() == {f"{mode}-{name}" for name in CALLS}
    assert shown(phoenix, mode) == {
        session: (prompt, completion, rounded(cost))
        for session, (prompt, completion, cost) in expected.items()
    }
