"""What is acknowledged is stored, once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, wait
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from infraprism.collector.ingest.calls import Batch, Call
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store import schema
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.interface import CannotOpenError, QueueFullError, StoreFailedError
from tests.support.otlp import make_call, make_request, make_span


def batch_of(*spans: Any) -> Batch:
    return read_request(make_request(*spans))


def rows(store: Store, sql: str) -> list[Any]:
    with store.reader() as connection:
        return connection.execute(sql).fetchall()


def counts(store: Store) -> tuple[int, int, int]:
    return store.calls_stored, store.spans_stored, store.repeats_dropped


def test_a_stored_row_is_what_was_read(store: Store) -> None:
    batch = batch_of(
        make_call(
            1,
            {
                "infraprism.tag.feature": "chat\0bot",
                "infraprism.cost.amount": "99999999999999.999999999999999999999999",
                "infraprism.cost.input": "0.000000000000000000000001",
            },
        ),
        make_span(2, {"gen_ai.operation.name": "chat"}),
    )

    store.submit(batch).result()

    assert rows(store, "SELECT * FROM calls ORDER BY started_at") == [tuple(call) for call in batch.calls]


def test_a_record_delivered_again_is_the_same_row(store: Store) -> None:
    tool = make_span(9, {"session.id": "s-1"})
    store.submit(batch_of(make_call(1), make_call(1), make_call(2), tool)).result()
    store.submit(batch_of(make_call(2), make_call(3), tool)).result()

    assert rows(store, "SELECT span_id FROM calls ORDER BY span_id") == [
        (f"{number:016x}",) for number in (1, 2, 3)
    ]
    assert counts(store) == (3, 1, 3)


def test_a_record_delivered_again_after_a_restart_is_the_same_row(tmp_path: Path) -> None:
    for expected in ((1, 0, 0), (0, 0, 1)):
        store = Store(tmp_path / "test.duckdb")
        store.submit(batch_of(make_call(1))).result()
        assert counts(store) == expected
        store.close()


def test_spans_of_equal_ids_and_another_start_are_two_calls(store: Store) -> None:
    store.submit(batch_of(make_call(1), make_call(1, start=5))).result()

    assert counts(store) == (2, 0, 0)


def test_order_and_repeats_of_delivery_never_change_what_is_stored(tmp_path: Path) -> None:
    spans = [make_call(number, {"infraprism.cost.amount": f"0.{number:024}"}) for number in range(1, 60)]
    expected = sum(Decimal(f"0.{number:024}") for number in range(1, 60))
    for seed in range(5):
        order = random.Random(seed)
        delivered = order.choices(spans, k=60) + spans
        order.shuffle(delivered)
        store = Store(tmp_path / f"{seed}.duckdb")
        wait([store.submit(batch_of(*delivered[start : start + 7])) for start in range(0, len(delivered), 7)])
        assert rows(store, "SELECT count(*), sum(amount) FROM calls") == [(59, expected)]
        assert counts(store) == (59, 0, 60)
        store.close()


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[Future[None]]:
    """The writer waits before its first commit until the future is done."""
    go: Future[None] = Future()
    commit = Store._commit

    def commit_later(self: Store, batches: list[Batch]) -> None:
        go.result()
        commit(self, batches)

    monkeypatch.setattr(Store, "_commit", commit_later)
    yield go
    if not go.done():
        go.set_result(None)


def test_a_full_queue_refuses_until_the_writer_catches_up(tmp_path: Path, held_up: Future[None]) -> None:
    store = Store(tmp_path / "test.duckdb", queue_spans=3)
    first = store.submit(batch_of(make_call(1), make_call(2)))
    with pytest.raises(QueueFullError):
        store.submit(batch_of(make_call(3), make_call(4)))
    second = store.submit(batch_of(make_call(5)))

    held_up.set_result(None)

    wait([first, second])
    store.submit(batch_of(*map(make_call, range(10, 15)))).result()  # larger than the queue, but alone
    assert counts(store) == (8, 0, 0)
    store.close()


def test_closing_stores_what_is_queued(tmp_path: Path, held_up: Future[None]) -> None:
    store = Store(tmp_path / "test.duckdb")
    futures = [store.submit(batch_of(make_call(number))) for number in range(1, 20)]

    held_up.set_result(None)
    store.close()

    assert all(future.exception() is None for future in futures)
    assert counts(store) == (19, 0, 0)
    with pytest.raises(StoreFailedError):
        store.submit(batch_of(make_call(30)))


def test_a_batch_that_cannot_be_stored_fails_alone(tmp_path: Path, held_up: Future[None]) -> None:
    store = Store(tmp_path / "test.duckdb")
    poison = batch_of(make_call(2))
    poison.calls[0] = poison.calls[0]._replace(name="\ud800")
    store.submit(batch_of(make_call(9)))  # holds the writer up, so that the next three form one group
    futures = [store.submit(batch) for batch in (batch_of(make_call(1)), poison, batch_of(make_call(3)))]

    held_up.set_result(None)

    assert [type(future.exception()) for future in futures] == [type(None), StoreFailedError, type(None)]
    assert counts(store) == (3, 0, 0)
    store.close()


_FULL_DISK = """
import resource, sys
from pathlib import Path
from tests.support.otlp import make_call, make_request
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.embedded import Store, StoreFailedError

def send(numbers):
    spans = [make_call(number, {"filler": f"{number:032x}" * 40}) for number in numbers]
    store.submit(read_request(make_request(*spans))).result()

store = Store(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
stored = 0
try:
    while True:
        send(range(stored + 1, stored + 2001))
        stored += 2000
except StoreFailedError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
send(range(stored + 1, stored + 2001))
stored += 2000
with store.reader() as connection:
    found = connection.execute("SELECT count(*), count(DISTINCT span_id) FROM calls").fetchone()
store.close()
print(stored, *found)
"""


@pytest.mark.parametrize("limit", [1_000_000, 21_000_000], ids=["in the log", "in a checkpoint"])
def test_a_full_disk_is_survived(tmp_path: Path, limit: int) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, tmp_path / "test.duckdb", str(limit)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )

    assert result.returncode == 0, result.stderr
    stored, found, distinct = map(int, result.stdout.split())
    assert stored == found == distinct


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.duckdb"
    garbage.write_bytes(b"not a database" * 1000)
    for path in (garbage, tmp_path / "missing" / "test.duckdb", tmp_path):
        with pytest.raises(CannotOpenError, match=str(path)) as caught:
            Store(path)
        assert "\n" not in str(caught.value)


def test_a_file_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "test.duckdb"
    Store(path).close()
    with duckdb.connect(path) as connection:
        connection.execute(f"INSERT INTO schema_version VALUES ({len(schema.MIGRATIONS) + 1})")

    with pytest.raises(CannotOpenError, match="use a newer release"):
        Store(path)


def test_a_file_of_the_first_version_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "test.duckdb"
    batch_request = {"infraprism.batch.custom_id": "row-1", "said": '"infraprism.batch.id"'}
    calls = batch_of(make_call(1, {"infraprism.tag.a": "b"}), make_call(2, batch_request)).calls
    first_columns = Call._fields[: Call._fields.index("attributes") + 1]
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
        connection.execute(schema.MIGRATIONS[0])
        connection.execute("INSERT INTO schema_version VALUES (1)")
        written = [tuple(call._asdict()[name] for name in first_columns) for call in calls]
        marks = ", ".join("?" * len(first_columns))
        connection.executemany(f"INSERT INTO calls VALUES ({marks})", written)

    store = Store(path)

    columns = ", ".join(first_columns)
    assert rows(store, f"SELECT {columns} FROM calls ORDER BY started_at") == written
    # Of calls from before only the tokens are known; a request of a batch is one all the same.
    later = ", ".join(Call._fields[len(first_columns) :])
    assert rows(store, f"SELECT {later} FROM calls ORDER BY started_at") == [
        (None, None, None, None, None, False, False, False, False),
        (None, None, None, None, None, True, False, False, False),
    ]
    store.submit(batch_of(make_call(1), make_call(3))).result()
    assert counts(store) == (1, 0, 1)
    store.close()
    Store(path).close()  # and again: nothing is left to do
