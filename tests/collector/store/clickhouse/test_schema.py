"""The statements that make the tables; those for clusters can only be read here."""

from __future__ import annotations

from infraprism.collector.ingest.calls import Call, SessionSpan
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.clickhouse import schema
from infraprism.collector.store.clickhouse.address import parse
from infraprism.collector.store.opening import open_store
from tests.support.clickhouse import Server
from tests.support.otlp import make_call, make_request, make_span


def of_calls(address: str) -> list[str]:
    made = schema.statements(parse(address), 1)
    return [" ".join(statement.split()) for statement in made if ".calls" in statement]


def test_one_host_has_one_table() -> None:
    (table,) = of_calls("clickhouse://host/x")

    assert table.startswith("CREATE TABLE IF NOT EXISTS `x`.calls ( trace_id String,")
    assert table.endswith(
        ") ENGINE = ReplacingMergeTree(row_version)"
        " PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(started_at, 'UTC'))"
        " ORDER BY (intDiv(started_at, 3600000000000), trace_id, span_id, started_at)"
        " SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1,"
        " fsync_part_directory = 1"
    )


def test_a_cluster_has_copies_in_each_shard_and_a_table_over_all() -> None:
    address = "clickhouse://host/x?cluster=main"

    rows, whole = of_calls(address)

    assert schema.database(parse(address)) == "CREATE DATABASE IF NOT EXISTS `x` ON CLUSTER `main`"
    assert rows.startswith("CREATE TABLE IF NOT EXISTS `x`.calls_local ON CLUSTER `main` ( trace_id String,")
    assert (
        ") ENGINE = ReplicatedReplacingMergeTree("
        "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}', row_version) PARTITION BY" in rows
    )
    assert whole == (
        "CREATE TABLE IF NOT EXISTS `x`.calls ON CLUSTER `main` AS `x`.calls_local"
        " ENGINE = Distributed('main', 'x', 'calls_local', cityHash64(trace_id))"
    )
    assert "ENGINE = ReplacingMergeTree(" in of_calls(f"{address}&replicated=false")[0]


def test_the_tables_have_what_the_rows_have(clickhouse: Server) -> None:
    store = open_store(clickhouse.address())
    spans = [make_call(1), make_span(2, {"session.id": "s-1"})]
    store.submit(read_request(make_request(*spans))).result()
    with store.reader() as connection:
        for table, row in (("calls", Call), ("spans", SessionSpan)):
            found = connection.execute(f"SELECT * FROM {table}").description
            assert tuple(column[0] for column in found) == row._fields
    store.close()
