"""What a table on ClickHouse is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table, as its statements need it: texts of ClickHouse's SQL."""

    name: str
    columns: str
    order: str
    #: By which rows find their shard.
    shard: str
    partition: str | None = None
    #: After which rows are dropped.
    lifetime: str | None = None
