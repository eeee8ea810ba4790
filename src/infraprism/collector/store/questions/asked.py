"""A statement that grows, with its bound parameters, and how its rows are read."""

from __future__ import annotations

from typing import Any

from infraprism.collector.store.interface import Connection

Row = dict[str, Any]


class Asked:
    """The parameters of one statement."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """The name under which `value` stands in the SQL."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def rows(self, connection: Connection, sql: str) -> list[Row]:
        """The rows of `sql`, a dict of column values each."""
        result = connection.execute(sql, self.parameters)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def where(conditions: list[str], word: str = "WHERE") -> str:
    """The conditions as a clause; nothing where there are none."""
    return f"{word} {' AND '.join(conditions)}" if conditions else ""
