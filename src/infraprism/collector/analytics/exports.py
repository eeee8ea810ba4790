"""Rows as a file: CSV, lines of JSON, Parquet. Each has the values of the JSON answer."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import duckdb
import msgspec
from starlette.responses import StreamingResponse

from infraprism.collector.problems import Problem

#: The header with the cursor of what did not fit into the file.
NEXT_CURSOR: Final = "Infraprism-Next-Cursor"
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
_PIECE: Final = 65_536
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: Columns of Parquet that are no text, by name: what is in a row decides nothing.
_MONEY: Final = "DECIMAL(38, 24)"
_COLUMNS: Final = {
    "started_at": "TIMESTAMPTZ",
    "last_activity_at": "TIMESTAMPTZ",
    "first_seen_at": "TIMESTAMPTZ",
    "duration_ms": "BIGINT",
    "turn_count": "BIGINT",
    "call_count": "BIGINT",
    "error_count": "BIGINT",
    "unpriced_calls": "BIGINT",
    "input_tokens": "HUGEINT",
    "output_tokens": "HUGEINT",
    "cached_tokens": "HUGEINT",
    "total_cost": _MONEY,
    "models": "VARCHAR[]",
    "tags": "MAP(VARCHAR, VARCHAR[])",
}


def answer(pieces: Iterator[bytes], kind: str, name: str, cursor: str | None) -> StreamingResponse:
    """The file as an attachment called `name`."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    if cursor is not None:
        headers[NEXT_CURSOR] = cursor
    return StreamingResponse(pieces, media_type=_TYPES[kind], headers=headers)


def write(kind: str, fields: Sequence[str], chunks: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """The file's content in pieces; all of it is on disk before this returns. `fields`: of each row."""
    if kind == "parquet":
        file = _parquet(fields, chunks)
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as somebody reads it
        lines = _csv if kind == "csv" else _jsonl
        for piece in lines(fields, chunks):
            file.write(piece)
    file.seek(0)
    return _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _jsonl(fields: Sequence[str], chunks: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    for rows in chunks:
        yield b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _csv(fields: Sequence[str], chunks: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(fields)
    for rows in chunks:
        for row in rows:
            writer.writerow([_cell(row[name]) for name in fields])
        yield text.getvalue().encode(errors="replace")
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _cell(value: Any) -> str | None:
    text = _text(value)
    return f"'{text}" if isinstance(value, str) and value.startswith(_FORMULA) else text


def _parquet(fields: Sequence[str], chunks: Iterable[list[dict[str, Any]]]) -> IO[bytes]:
    """Written by a DuckDB of its own, which has the writer built in."""
    columns = {name: _COLUMNS.get(name, "VARCHAR") for name in fields}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as connection:
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TABLE rows ({declared})")
        selected = ", ".join(_parsed(name, kind) for name, kind in columns.items())
        for rows in chunks:
            bound = {name: [_text(row[name]) for row in rows] for name in fields}
            try:
                connection.execute(f"INSERT INTO rows SELECT {selected}", bound)
            except duckdb.ConversionException:
                raise Problem(
                    400, "a total is larger than Parquet's decimals; take another format", parameter="format"
                ) from None
        path = Path(folder) / "rows.parquet"
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as somebody reads it
        with path.open("rb") as written:
            shutil.copyfileobj(written, file)
    return file


def _parsed(name: str, kind: str) -> str:
    texts = f"unnest(CAST(${name} AS VARCHAR[]))"
    if "[" in kind:
        return f"CAST(CAST({texts} AS JSON) AS {kind})"
    return f"CAST({texts} AS {kind})"


def _text(value: Any) -> str | None:
    """A value of an answer as text; null is None, which CSV leaves empty."""
    match value:
        case None | str():
            return value
        case msgspec.Raw():
            return bytes(value).decode()
        case list() | dict():
            return msgspec.json.encode(value).decode()
    return str(value)
