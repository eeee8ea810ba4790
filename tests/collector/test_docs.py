"""docs/api.md names every reason there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from starlette.testclient import TestClient

from infraprism.collector.ingest import heads, logs, receiver, spans
from infraprism.collector.recosts import repricing
from infraprism.collector.store.questions import unpriced

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
SOURCES = Path(spans.__file__).parent


def test_every_reason_is_documented() -> None:
    reasons = {*heads.REJECTIONS, spans.NO_CALL_NO_SESSION, logs.NO_CALL}
    reasons |= {*get_args(repricing.Reason), *unpriced.REASONS}
    reasons |= {reason for _, reason in receiver.REFUSALS.values()}
    for module in ("attributes.py", "receiver.py"):
        source = (SOURCES / module).read_text()
        reasons |= set(re.findall(r'(?:_unpriced\(|_dropped\[|requests_refused\[)"(\w+)"', source))
        reasons |= set(re.findall(r'_take\([^)]*, "(\w+)"\)', source))

    assert len(reasons) > 20
    assert {reason for reason in reasons if f"`{reason}`" not in DOCS} == set()


def test_every_question_and_parameter_is_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    asked = {path: methods["get"] for path, methods in paths.items() if "get" in methods}
    names = {one["name"] for method in asked.values() for one in method["parameters"] if one["in"] == "query"}

    assert len(names) > 20
    assert {name for name in names if f"`{name}`" not in DOCS} == set()
    assert {path for path in asked if path.startswith("/v1/analytics") and f"{path}`" not in DOCS} == {
        "/v1/analytics/calls/{ids}"
    }
