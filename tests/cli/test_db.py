"""`infraprism db`: what is backed up is all there, and what is damaged is named."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store import schema
from infraprism.collector.store.embedded import Store
from tests.cli.conftest import Run
from tests.cli.test_serve import serve
from tests.support.otlp import make_call, make_request, make_span

SUMMARY = "3 calls, 1 other spans, $0.0225"


@pytest.fixture
def database(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "infraprism.duckdb"
    store = Store(path)
    spans = [*(make_call(number) for number in (1, 2, 3)), make_span(4, {"session.id": "s-1"})]
    store.submit(read_request(make_request(*spans))).result()
    store.close()
    return path


def spoil(path: Path, sql: str) -> None:
    with duckdb.connect(path) as connection:
        connection.execute(sql)


def test_back_and_forth(run: Run, database: Path) -> None:
    assert run("db", "check") == (0, f"infraprism.duckdb: {SUMMARY}\n", "")
    assert run("db", "backup", "b.duckdb") == (0, f"b.duckdb: {SUMMARY}\n", "")
    database.unlink()
    assert run("db", "restore", "b.duckdb") == (0, f"infraprism.duckdb: {SUMMARY}\n", "")

    for name in ("calls", "spans", "schema_version", "keys", "probe"):
        with duckdb.connect(database) as restored, duckdb.connect("b.duckdb") as backup:
            assert restored.execute(f"FROM {name}").fetchall() == backup.execute(f"FROM {name}").fetchall()
    store = Store(database)
    store.submit(read_request(make_request(make_call(1), make_call(9)))).result()
    assert (store.calls_stored, store.repeats_dropped) == (1, 1)
    store.close()


def test_nothing_is_overwritten(run: Run, database: Path) -> None:
    run("db", "backup", "b.duckdb")
    before = Path("b.duckdb").read_bytes()

    assert run("db", "backup", "b.duckdb") == (1, "", "b.duckdb is there already\n")
    assert run("db", "restore", "b.duckdb") == (1, "", "infraprism.duckdb is there already\n")

    assert Path("b.duckdb").read_bytes() == before
    assert [*Path().glob("*.partial*")] == []


def test_while_the_collector_runs(run: Run, database: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with serve(tmp_path, "--backups", "kept") as served:
        assert served.send(make_call(5)) == 200
        url = f"http://127.0.0.1:{served.port}"
        code, text, _ = run("db", "backup", "--url", url, "--json")
        answer = json.loads(text)
        assert (code, answer["calls"], answer["spans"], answer["total_cost"]) == (0, 4, 1, 0.03)
        code, text, _ = run("db", "backup", "--url", url)
        assert text.endswith(": 4 calls, $0.03\n")
        assert run("db", "backup", "x.duckdb")[0] == 1
        assert run("db", "backup", "x.duckdb", "--url", url)[0] == 1
    (first, _) = sorted((tmp_path / "kept").iterdir())
    assert str(first) == str(tmp_path / answer["file"])
    assert run("db", "check", "--database", str(first))[0] == 0


def test_a_collector_without_a_folder_backs_nothing_up(run: Run, database: Path, tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        assert run("db", "backup", "--url", f"http://127.0.0.1:{served.port}") == (
            1,
            "",
            "the collector has no folder for backups: start it with INFRAPRISM_BACKUPS\n",
        )


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("INSERT INTO calls FROM calls LIMIT 1", "1 calls that are stored more than once"),
        ("INSERT INTO spans FROM spans", "1 spans that are stored more than once"),
        (
            "UPDATE calls SET cost_status = 'unpriced' WHERE span_id LIKE '%1'",
            "1 calls whose amount contradicts their cost status",
        ),
        (
            "INSERT INTO deleted SELECT started_at, sha256(trace_id || span_id) FROM calls",
            "3 calls that were deleted and are there again",
        ),
    ],
)
def test_damage_is_named_and_not_restored(run: Run, database: Path, sql: str, line: str) -> None:
    spoil(database, sql)

    code, text, _ = run("db", "check")
    assert (code, text.splitlines()[0]) == (1, f"infraprism.duckdb: {line}")

    database.rename("damaged.duckdb")
    assert run("db", "restore", "damaged.duckdb") == (
        1,
        "",
        f"damaged.duckdb is damaged, nothing was restored: {line}\n",
    )
    assert not database.exists()


def test_what_is_no_database_is_named(run: Run, tmp_path: Path) -> None:
    assert run("db", "check") == (1, "", "infraprism.duckdb: there is no such file\n")
    assert run("db", "migrate") == (1, "", "infraprism.duckdb: there is no such file\n")
    (tmp_path / "infraprism.duckdb").write_text("not a database" * 1000)
    code, _, errors = run("db", "check")
    assert code == 1
    assert errors.startswith("cannot read infraprism.duckdb: ")


def test_an_older_file_is_brought_up_to_date(run: Run, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, duckdb.connect(tmp_path / "infraprism.duckdb") as connection:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        schema.migrate(connection)
    assert "its schema has version 2" in run("db", "check")[2]

    newest = len(schema.MIGRATIONS)
    assert run("db", "migrate") == (
        0,
        f"infraprism.duckdb has the schema of this release, version {newest}\n",
        "",
    )
    assert run("db", "check")[0] == 0
