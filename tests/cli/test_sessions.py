"""`infraprism sessions` and `infraprism metrics` beside a real collector."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import Run, Start
from tests.support.otlp import NEW_YEAR, SECOND, make_call, make_span

UNPRICED = {"infraprism.cost.status": "unpriced", "infraprism.cost.amount": None}
ACME = {"infraprism.entity.type": "customer", "infraprism.entity.id": "acme"}
DAY = 86_400 * SECOND
PRICES = "name = 'none'\n"


@pytest.fixture
def sessions(run: Run, start: Start) -> None:  # the environment is emptied first
    """Two sessions: `a/b` of acme with a call that failed, and `dear` of globex."""
    start(
        PRICES,
        make_call(1, {"session.id": "a/b", "infraprism.tag.plan": "pro"}),
        make_span(2, {"session.id": "a/b", "gen_ai.operation.name": "chat", "error.type": "429", **ACME}),
        make_call(
            3, {"session.id": "dear", "infraprism.entity.id": "globex", "infraprism.cost.amount": "1.5"}
        ),
        make_call(4, {"session.id": "dear", "infraprism.entity.id": "globex", **UNPRICED}),
    )


@pytest.mark.usefixtures("sessions")
def test_a_list(run: Run) -> None:
    code, text, errors = run("sessions", "list", "--sort", "total_cost", "--order", "asc")

    assert (code, errors) == (0, "")
    assert [" ".join(line.split()) for line in text.splitlines() if "─" not in line] == [
        "entity session turns calls in out cost",
        "customer/acme a/b 1 2 1,000 500 $0.0075",
        "customer/globex dear 2 2 2,000 1,000 ≥ $1.5, 1 unpriced",
        "total 2 3 4 3,000 1,500 ≥ $1.5075, 1 unpriced",
    ]
    assert "there are more" in run("sessions", "list", "--limit", "1")[1]


def test_a_type_alone_and_a_partial_cost(run: Run, start: Start) -> None:
    partial = {"session.id": "s", "infraprism.entity.id": None, "infraprism.cost.status": "partial"}
    start(PRICES, make_call(1, partial))

    code, text, errors = run("sessions", "list")

    assert (code, errors) == (0, "")
    assert "customer s 1 1 1,000 500 ≥ $0.0075" in " ".join(text.split())
    assert "total 1 1 1 1,000 500 ≥ $0.0075" in " ".join(text.split())
    assert "cost ≥ $0.0075" in " ".join(run("metrics", "--until", "2025-01-02")[1].split())


@pytest.mark.usefixtures("sessions")
def test_what_is_asked_for(run: Run) -> None:
    def listed(*options: str) -> list[str]:
        code, text, errors = run("sessions", "list", "--json", *options)
        assert (code, errors) == (0, "")
        return [row["session_id"] for row in json.loads(text)["data"]]

    assert listed() == ["dear", "a/b"]
    assert listed("--entity", "customer/acme") == ["a/b"]
    assert listed("--tag", "plan=pro") == ["a/b"]
    assert listed("--errors") == ["a/b"]
    assert listed("--unpriced") == ["dear"]
    assert listed("--min-cost", "1", "--until", "2025-01-01") == ["dear"]
    assert listed("--since", "2025-01-02") == []
    assert listed("--limit", "1", "--sort", "started_at") == ["dear"]
    assert run("sessions", "list", "--min-cost", "much")[::2] == (
        1,
        "min_cost must be a plain decimal number from 0, with at most 14 digits before the point\n",
    )
    assert run("sessions", "list", "--tag", "plan")[0] == 2


@pytest.mark.usefixtures("sessions")
def test_one_session(run: Run) -> None:
    code, text, errors = run("sessions", "show", "a/b", "--entity", "customer/acme")

    assert (code, errors) == (0, "")
    lines = [line.split() for line in text.splitlines()]
    assert [
        "2025-01-01T00:00:01",
        "chat",
        "gpt-4o-2024-08-06",
        "1,000",
        "500",
        "0.0075",
        "priced",
        f"{1:016x}",
    ] in lines
    assert ["2025-01-01T00:00:02", "chat", "unknown", "failed:", "429", f"{2:016x}"] in lines
    assert run("sessions", "show", "nobody") == (1, "", "there is no session 'nobody'\n")


@pytest.mark.usefixtures("sessions")
def test_files(run: Run, tmp_path: Path) -> None:
    for kind in ("csv", "jsonl", "parquet"):
        code, out, errors = run(
            "sessions", "export", "--format", kind, "--output", f"s.{kind}", "--sort", "total_cost"
        )
        assert (code, out) == (0, "")
        assert errors.startswith(f"s.{kind}: ")

    with (tmp_path / "s.csv").open() as file:
        assert [row["session_id"] for row in csv.DictReader(file)] == ["dear", "a/b"]
    assert [json.loads(line)["session_id"] for line in (tmp_path / "s.jsonl").open()] == ["dear", "a/b"]
    found = duckdb.execute(f"SELECT session_id FROM '{tmp_path}/s.parquet'").fetchall()
    assert found == [("dear",), ("a/b",)]
    assert run("sessions", "export", "--output", "no/folder")[::2] == (
        1,
        "cannot write no/folder: No such file or directory\n",
    )


@pytest.mark.usefixtures("sessions")
def test_more_than_one_file_gets(run: Run, tmp_path: Path) -> None:
    assert run("sessions", "export", "--limit", "1", "--output", "s.csv")[0] == 0
    with (tmp_path / "s.csv").open() as file:
        assert [row["session_id"] for row in csv.DictReader(file)] == ["dear", "a/b"]

    code, _, errors = run(
        "sessions", "export", "--format", "parquet", "--limit", "1", "--output", "s.parquet"
    )
    assert (code, "ask for less time at once" in errors) == (1, True)


def test_metrics(run: Run, start: Start) -> None:
    start(
        PRICES,
        make_call(1, {"session.id": "before"}, start=NEW_YEAR - DAY),
        make_call(2, {"session.id": "a"}),
        make_call(3, {"session.id": "b", "infraprism.cost.amount": "0.0225"}),
    )
    period = ("--since", "2025-01-01", "--until", "2025-01-01")

    code, text, errors = run("metrics", *period, "--by", "entity")

    assert (code, errors) == (0, "")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "2025-01-01T00:00:00.000000Z to 2025-01-02T00:00:00.000000Z"
    assert "sessions 2 1 +100.0 %" in lines
    assert "cost $0.03 $0.0075 +300.0 %" in lines
    assert "cost of a session, average 0.015 0.0075 +100.0 %" in lines
    assert "cost of a session, p95 0.0225 0.0075" in lines
    assert "customer/acme 2 2 2 0 $0.03 0.0075 0.0225" in lines
    assert "2025-01-01T00:00:00 2 2 2 0 $0.03 0.0075 0.0225" in [
        " ".join(line.split()) for line in run("metrics", *period)[1].splitlines()
    ]
    assert json.loads(run("metrics", *period, "--json")[1])["summary"]["session_count"] == 2
    assert run("metrics", "--by", "colour") == (
        1,
        "",
        "group_by must be one of entity_type, entity, model, provider, tier, tag.<key>\n",
    )


def test_without_a_collector(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRAPRISM_PORT", "1")
    for command in (("sessions", "list"), ("sessions", "show", "s"), ("sessions", "export"), ("metrics",)):
        code, out, errors = run(*command)
        assert (code, out) == (1, "")
        assert errors.startswith("no collector answers at http://127.0.0.1:1: ")
