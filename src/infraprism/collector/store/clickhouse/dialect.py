"""The questions, which are written in DuckDB's SQL, in ClickHouse's. Pure.

sqlglot reads the one and writes the other; what the two understand differently, and it does not know, has
a rule here. Where a rule is missing, the tests show it: they put every question to both.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import sqlglot
from sqlglot import exp

#: Columns of ClickHouse alone.
_HIDDEN: Final = ("is_usage_known", "row_version")
#: Columns that hold money, whose sums need more digits than the column has.
_MONEY: Final = frozenset({"amount"})


def bound(parameters: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The ClickHouse type of each parameter, by its value."""
    return tuple((name, _type(value)) for name, value in parameters.items())


@lru_cache(maxsize=1000)
def translate(query: str, types: tuple[tuple[str, str], ...]) -> str:
    """`query` for ClickHouse, with parameters of `types`."""
    known = dict(types)
    tree = sqlglot.parse_one(query, read="duckdb")

    def rewrite(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Placeholder):
            return exp.Var(this=f"{{{node.name}:{known[node.name]}}}")
        rule = _RULES.get(type(node))
        return node if rule is None else rule(node)

    return tree.transform(rewrite).sql(dialect="clickhouse", normalize_functions=False)


def _type(value: object) -> str:
    match value:
        case bool():
            return "Bool"
        case int():
            return "Int64"
        case Decimal():
            return "Decimal(76, 24)"
        case float():
            return "Float64"
        case list() | tuple():
            inner = {_type(item) for item in value} or {"String"}
            assert len(inner) == 1, "the members of a list have one type"
            return f"Array({inner.pop()})"
        case None:
            return "Nullable(String)"
        case _:
            return "String"


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    # As it is written: a function that sqlglot knows, it would spell in its own way.
    return exp.Anonymous(this=name, expressions=list(arguments))


def _sum(node: exp.Expression) -> exp.Expression:
    # A sum has the type of its column here, and wraps round where that is too small.
    operand = node.this
    is_money = any(column.name in _MONEY for column in operand.find_all(exp.Column))
    if is_money and not isinstance(operand, exp.Cast):
        return exp.Sum(this=_call("toDecimal256", operand, exp.Literal.number(24)))
    return exp.Sum(this=_call("toInt128", operand))


def _list(node: exp.Expression) -> exp.Expression:
    if isinstance(node.this, exp.Distinct):
        return _call("groupUniqArray", *node.this.expressions)
    return _call("groupArray", node.this)


def _map_value(node: exp.Expression) -> exp.Expression:
    # A key that is not there has the value '' here, which is a value too.
    (key,) = node.expressions
    if isinstance(key, exp.Literal) and not key.is_string:
        return node  # a place in a list
    found = _call("mapContains", node.this.copy(), key.copy())
    return _call("if", found, _call("toNullable", _call("arrayElement", node.this, key)), exp.null())


def _star(node: exp.Expression) -> exp.Expression:
    # Which row of several is the row, is nobody's question.
    if isinstance(node.parent, exp.Select):
        node.set("except_", [exp.column(name) for name in _HIDDEN])
    return node


def _anonymous(node: exp.Expression) -> exp.Expression:
    known = {"cardinality": "length", "map_values": "mapValues"}
    name = known.get(node.name.lower())
    return node if name is None else _call(name, *node.expressions)


_RULES: Final[dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]]] = {
    exp.Sum: _sum,
    exp.ArrayAgg: _list,
    exp.Bracket: _map_value,
    exp.Anonymous: _anonymous,
    exp.IntDiv: lambda node: _call("intDiv", node.this, node.expression),
    exp.Length: lambda node: _call("length", node.this),
    exp.MapKeys: lambda node: _call("mapKeys", node.this),
    exp.Star: _star,
    exp.LogicalOr: lambda node: _call("max", node.this),
}
