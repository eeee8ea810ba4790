"""The list of sessions by all its parameters and in all its forms; calls by pages; the timeline."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from starlette.testclient import TestClient

from infraprism.collector.analytics import api
from tests.collector.analytics.conftest import Send, exact
from tests.support.otlp import NEW_YEAR, SECOND, make_call, make_span

SESSIONS = "/v1/analytics/sessions"
ACME = {"infraprism.entity.type": "customer", "infraprism.entity.id": "acme"}
UNPRICED = {"infraprism.cost.status": "unpriced", "infraprism.cost.amount": None}


@pytest.fixture
def three(send: Send) -> None:
    """Sessions: `cheap` with one call, `dear` with two calls, `failed` with an unpriced one that failed."""
    send(
        make_call(1, {"session.id": "dear", "infraprism.cost.amount": "0.5", "infraprism.tag.plan": "pro"}),
        make_call(5, {"session.id": "dear", "infraprism.cost.amount": "0.5"}, seconds=30),
        make_call(
            20, {"session.id": "cheap", "infraprism.cost.amount": "0.1", "gen_ai.provider.name": "mistral"}
        ),
        make_call(
            50, {"session.id": "failed", "gen_ai.response.model": "o9", "error.type": "500", **UNPRICED}
        ),
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["failed", "dear", "cheap"]),
        ("order=asc", ["cheap", "dear", "failed"]),
        ("sort=started_at", ["failed", "cheap", "dear"]),
        ("sort=duration", ["dear", "cheap", "failed"]),
        ("sort=total_cost", ["dear", "cheap", "failed"]),
        ("sort=total_cost&order=asc", ["failed", "cheap", "dear"]),
        ("sort=turn_count", ["dear", "cheap", "failed"]),
        ("sort=call_count&order=asc", ["cheap", "failed", "dear"]),
        ("session_id=d", ["dear"]),
        ("session_id=%25", []),
        ("end_date=2024-12-31", []),
        ("end_date=2025-01-01", ["failed", "dear", "cheap"]),
        ("end_date=2025-01-01T00:00:35Z", ["cheap"]),
        ("start_date=2025-01-01T00:00:35Z&end_date=2025-01-01T00:00:36Z", ["dear"]),
        ("model=o9", ["failed"]),
        ("model=gpt-4o", ["failed", "dear", "cheap"]),
        ("provider=mistral", ["cheap"]),
        ("tag.plan=pro", ["dear"]),
        ("tag.plan=", []),
        ("tag.plan=pro&provider=mistral", []),
        ("min_cost=0.1", ["dear", "cheap"]),
        ("max_cost=0.1", ["failed", "cheap"]),
        ("min_cost=0.100000000000000000000001&max_cost=1", ["dear"]),
        ("status=unpriced", ["failed"]),
        ("status=priced", ["dear", "cheap"]),
        ("has_errors=true", ["failed"]),
        ("has_errors=false", ["dear", "cheap"]),
        ("unpriced=true", ["failed"]),
        ("unpriced=false&provider=openai", ["dear"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_what_is_asked_for(client: TestClient, query: str, expected: list[str]) -> None:
    answer = exact(client.get(f"{SESSIONS}?{query}"))

    assert [row["session_id"] for row in answer["data"]] == expected


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sort=cost", "sort"),
        ("order=up", "order"),
        ("session_id=", "session_id"),
        ("end_date=tomorrow", "end_date"),
        ("start_date=2025-01-02&end_date=2025-01-01", "end_date"),
        ("model=", "model"),
        ("provider=", "provider"),
        ("tag.=x", "tag."),
        ("tag.a=x&tag.a=y", "tag.a"),
        ("min_cost=-1", "min_cost"),
        ("min_cost=1e3", "min_cost"),
        ("max_cost=cheap", "max_cost"),
        ("max_cost=123456789012345", "max_cost"),
        ("status=paid", "status"),
        ("has_errors=1", "has_errors"),
        ("unpriced=", "unpriced"),
        ("format=xml", "format"),
        ("limit=1001", "limit"),
        ("format=csv&limit=100001", "limit"),
        ("time_zone=UTC", "time_zone"),
        ("group_by=model", "group_by"),
    ],
)
def test_a_wrong_parameter_of_the_list_is_named(client: TestClient, query: str, parameter: str) -> None:
    answer = client.get(f"{SESSIONS}?{query}")

    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        ("metrics/sessions", "interval=month", "interval"),
        ("metrics/sessions", "group_by=tag.", "group_by"),
        ("metrics/sessions", "group_by=operation", "group_by"),
        ("metrics/sessions", "compare=last", "compare"),
        ("metrics/sessions", "time_zone=Berlin", "time_zone"),
        ("metrics/sessions", "time_zone=../etc/passwd", "time_zone"),
        ("metrics/sessions", "time_zone=Europe", "time_zone"),
        ("metrics/sessions", "time_zone=%00", "time_zone"),
        ("metrics/sessions", "limit=1", "limit"),
        ("metrics/sessions", "start_date=1970-01-01&interval=hour", "interval"),
        ("metrics/sessions", "status=x", "status"),
        ("entities", "sort=started_at", "sort"),
        ("entities", "format=parquet", "format"),
        ("models", "min_cost=1", "min_cost"),
        ("tags", "cursor=x", "cursor"),
        ("costs", "interval=week", "interval"),
        ("costs", "group_by=entity&group_by=entity", "group_by"),
        ("costs", "group_by=session", "group_by"),
        ("costs", "end_date=2025-01-01&start_date=2025-01-02", "end_date"),
        ("unpriced", "limit=0", "limit"),
        ("unpriced", "cursor=x", "cursor"),
        ("prices", "at=now", "at"),
        ("sessions/s/calls", "sort=cost", "sort"),
        ("sessions/s/calls", "cursor=x", "cursor"),
        ("sessions/s/timeline", "limit=x", "limit"),
        ("sessions/s", "cursor=x", "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(client: TestClient, path: str, query: str, parameter: str) -> None:
    answer = client.get(f"/v1/analytics/{path}?{query}")

    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


@pytest.mark.usefixtures("three")
def test_a_cursor_belongs_to_its_order(client: TestClient) -> None:
    cursor = client.get(f"{SESSIONS}?limit=1&sort=total_cost").json()["next_cursor"]

    assert (
        client.get(f"{SESSIONS}?sort=total_cost&cursor={cursor}").json()["data"][0]["session_id"] == "cheap"
    )
    for other in ("sort=turn_count", "sort=total_cost&order=asc", ""):
        answer = client.get(f"{SESSIONS}?{other}&cursor={cursor}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, "cursor")
        assert "another order" in answer.json()["detail"]


@pytest.mark.usefixtures("three")
def test_a_file_has_the_rows_of_the_pages(client: TestClient, send: Send, tmp_path: Path) -> None:
    send(
        make_call(
            60, {"session.id": "@home", "infraprism.entity.id": None, "gen_ai.usage.output_tokens": None}
        )
    )
    rows = client.get(SESSIONS).text
    expected = json.loads(rows, parse_float=Decimal)["data"]

    lines = client.get(f"{SESSIONS}?format=jsonl")
    assert lines.headers["content-disposition"] == 'attachment; filename="sessions.jsonl"'
    assert [json.loads(line, parse_float=Decimal) for line in lines.text.splitlines()] == expected

    cells = client.get(f"{SESSIONS}?format=csv").text.splitlines()
    assert cells[0].split(",") == list(expected[0])
    assert cells[1].startswith("'@home,customer,,2025-01-01T00:01:00.000000Z,")
    assert len(cells) == 1 + len(expected)

    (tmp_path / "s.parquet").write_bytes(client.get(f"{SESSIONS}?format=parquet").content)
    found = duckdb.execute(
        f"""SELECT * REPLACE (
            strftime(started_at::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ') AS started_at,
            strftime(last_activity_at::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ') AS last_activity_at
        ) FROM '{tmp_path}/s.parquet'"""
    )
    names = [column[0] for column in found.description]
    assert [dict(zip(names, row, strict=True)) for row in found.fetchall()] == expected


@pytest.mark.usefixtures("three")
def test_what_does_not_fit_into_a_file_has_a_cursor(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_CHUNK", 1)
    first = client.get(f"{SESSIONS}?format=jsonl&limit=2")
    cursor = first.headers["infraprism-next-cursor"]

    rest = client.get(f"{SESSIONS}?format=jsonl&cursor={cursor}")

    files = [[json.loads(line)["session_id"] for line in file.text.splitlines()] for file in (first, rest)]
    assert files == [["failed", "dear"], ["cheap"]]
    assert "infraprism-next-cursor" not in rest.headers
    for kind in ("csv", "parquet"):
        assert client.get(f"{SESSIONS}?format={kind}&limit=2").headers["infraprism-next-cursor"] == cursor


def test_a_file_of_nothing(client: TestClient) -> None:
    assert client.get(f"{SESSIONS}?format=jsonl").text == ""
    assert client.get(f"{SESSIONS}?format=csv").text.count("\n") == 1
    assert client.get(f"{SESSIONS}?format=parquet").content[:4] == b"PAR1"


def test_a_total_that_parquet_cannot_hold(client: TestClient, send: Send) -> None:
    most = "99999999999999.999999999999999999999999"
    send(*(make_call(number, {"infraprism.cost.amount": most}) for number in (1, 2)))

    answer = client.get(f"{SESSIONS}?format=parquet")

    assert (answer.status_code, answer.json()["parameter"]) == (400, "format")
    (line,) = client.get(f"{SESSIONS}?format=jsonl").text.splitlines()
    assert '"total_cost":199999999999999.999999999999999999999998,' in line


def test_the_calls_of_a_session_by_pages(
    client: TestClient, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "WITH_SESSION", 3)
    send(*(make_call(number, start=NEW_YEAR + number // 3) for number in range(1, 8)))
    whole = exact(client.get(f"{SESSIONS}/s-1"))

    collected: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = exact(client.get(f"{SESSIONS}/s-1/calls", params=query))
        collected += page["data"]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)

    assert [call["span_id"] for call in collected] == [f"{number:016x}" for number in range(1, 8)]
    assert whole["calls"] == collected[:3]
    assert (whole["calls_has_more"], whole["trace_ids"]) == (True, [f"{number:032x}" for number in (1, 2, 3)])


@pytest.mark.parametrize("session_id", ["a/calls", "a/timeline", "calls", "/calls"])
def test_an_id_may_end_as_a_route_does(client: TestClient, send: Send, session_id: str) -> None:
    send(make_call(1, {"session.id": session_id}))
    path = f"{SESSIONS}/{quote(session_id, safe='')}"

    assert exact(client.get(path))["session_id"] == session_id
    assert len(exact(client.get(f"{path}/calls"))["data"]) == 1
    assert exact(client.get(f"{path}/timeline"))["session"]["session_id"] == session_id


def test_a_session_that_is_not_there_has_nothing_below_it(client: TestClient) -> None:
    for name in ("calls", "timeline"):
        assert client.get(f"{SESSIONS}/nobody/{name}").json()["detail"] == "there is no session 'nobody'"


def test_the_timeline(client: TestClient, send: Send) -> None:
    trace = {"session.id": "s-1", **ACME}
    tool = make_span(2, {**trace, "infraprism.tag.plan": "pro"}, parent=1, name="execute_tool", seconds=0.5)
    inner = make_call(3, parent=2, seconds=10)
    for one in (tool, inner):
        one.trace_id = (1).to_bytes(16, "big")
    late = make_call(4, parent=99, start=NEW_YEAR + 113 * SECOND)
    send(make_span(1, trace, name="agent", seconds=3), tool, inner, late)

    answer = exact(client.get(f"{SESSIONS}/s-1/timeline"))

    calls = {call["span_id"]: call for call in exact(client.get(f"{SESSIONS}/s-1"))["calls"]}
    assert answer["session"] == exact(client.get(SESSIONS))["data"][0]

    def item(kind: str, number: int, name: str, offset: int, duration: int, depth: int, **others: Any) -> Any:
        start = 3000 + offset  # the first call starts with the third second
        return {
            "kind": kind,
            "trace_id": f"{1 if number < 4 else number:032x}",
            "span_id": f"{number:016x}",
            "name": name,
            "started_at": f"2025-01-01T00:{start // 60000:02}:{start % 60000 // 1000:02}.000000Z",
            "offset_ms": offset,
            "duration_ms": duration,
            "depth": depth,
            **others,
        }

    def of_span(plan: str | None) -> dict[str, Any]:
        return {"is_error": False, "error_type": None, "tags": {} if plan is None else {"plan": plan}}

    found = [dict(one) for one in answer["items"]]
    for one in found:
        one.pop("ended_at")
        if one["kind"] == "call":
            call = calls[one["span_id"]]
            assert {name: one.pop(name) for name in call if name not in _PLACE} == {
                name: value for name, value in call.items() if name not in _PLACE
            }
    assert found == [
        item("span", 1, "agent", -2000, 3000, 0, parent_span_id=None, **of_span(None)),
        item("span", 2, "execute_tool", -1000, 500, 1, parent_span_id=f"{1:016x}", **of_span("pro")),
        item("call", 3, "chat gpt-4o", 0, 10_000, 2, parent_span_id=f"{2:016x}"),
        {
            "kind": "gap",
            "started_at": "2025-01-01T00:00:13.000000Z",
            "offset_ms": 10_000,
            "duration_ms": 100_000,
        },
        item("call", 4, "chat gpt-4o", 110_000, 1000, 0, parent_span_id=f"{99:016x}"),
    ]

    collected: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = exact(client.get(f"{SESSIONS}/s-1/timeline", params=query))
        collected += page["items"]
        cursor = page["next_cursor"]
    assert collected == answer["items"]


_PLACE = {"trace_id", "span_id", "started_at", "ended_at", "duration_ms"}


def test_spans_that_are_their_own_parents_end(client: TestClient, send: Send) -> None:
    circle = [make_call(number, parent=3 - number) for number in (1, 2)]
    for one in circle:
        one.trace_id = (7).to_bytes(16, "big")
    send(*circle, make_call(3, parent=3))

    items = exact(client.get(f"{SESSIONS}/s-1/timeline"))["items"]

    assert sorted(item["depth"] for item in items) == [0, 0, 1]
