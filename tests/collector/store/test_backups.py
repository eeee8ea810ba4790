"""A backup is complete or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store import backups
from infraprism.collector.store.backups import BackupError
from infraprism.collector.store.embedded import Store
from tests.support.otlp import make_call, make_request


def test_a_copy_that_differs_is_no_backup_and_the_next_one_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.submit(read_request(make_request(make_call(1), make_call(2)))).result()
    target = tmp_path / "b.duckdb"
    whole = backups._copy_rows

    def lossy(connection, source, total, progress):  # type: ignore[no-untyped-def]
        whole(connection, source, total, progress)
        connection.execute("DELETE FROM backup.calls WHERE span_id LIKE '%1'")

    with monkeypatch.context() as patched:
        patched.setattr(backups, "_copy_rows", lossy)
        with pytest.raises(BackupError, match=r"is not what was copied$"):
            store.back_up(target)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("b.")] == []

    assert store.back_up(target).calls == 2


def test_rows_are_copied_in_parts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "CHUNK", 4)
    store.submit(read_request(make_request(*(make_call(number) for number in range(1, 12))))).result()
    told: list[tuple[int, int]] = []

    with store.changer() as connection:
        counted = backups.copy(
            connection, "test", tmp_path / "b.duckdb", lambda *progress: told.append(progress)
        )

    assert (counted.calls, told[-1]) == (11, (counted.rows, counted.rows))
    assert len(told) > 3


def test_the_writer_goes_on_and_the_copy_is_one_snapshot(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.submit(read_request(make_request(make_call(1)))).result()
    whole = backups._copy_rows

    def interrupted(connection, source, total, progress):  # type: ignore[no-untyped-def]
        store.submit(read_request(make_request(make_call(2)))).result(20)
        whole(connection, source, total, progress)

    monkeypatch.setattr(backups, "_copy_rows", interrupted)

    assert store.back_up(tmp_path / "b.duckdb").calls == 1
    assert store.calls_stored == 2


def test_a_folder_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"^cannot write .*none/b\.duckdb: "):
        store.back_up(tmp_path / "none" / "b.duckdb")
    assert store.back_up(tmp_path / "b.duckdb").calls == 0
