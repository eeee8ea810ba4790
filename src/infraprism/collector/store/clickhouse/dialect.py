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

_CH: Final = "clickhouse"

#: Columns of ClickHouse alone.
_HIDDEN: Final = ("is_usage_known", "row_version")
#: Columns that hold money, whose sums need more digits than the column has.
_MONEY: Final = frozenset({"amount", "cost"})
#: The values of maps, by column; all others are decimals of money.
_TEXTS: Final = frozenset({"tags"})


def bound(parameters: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The ClickHouse type of each parameter, by its value."""
    return tuple((name, _type(value)) for name, value in parameters.items())


def translate(query: str, types: tuple[tuple[str, str], ...]) -> str:
    """A question for ClickHouse, with parameters of `types`."""
    return text(translated(query, types))


@lru_cache(maxsize=1000)
def translated(query: str, types: tuple[tuple[str, str], ...]) -> exp.Expr:
    """`query` as the tree of a statement for ClickHouse; the same tree for all who ask, not to be changed."""
    known = dict(types)
    tree = sqlglot.parse_one(query, read="duckdb")
    for node in reversed(list(tree.bfs())):  # what is inside first
        if isinstance(node, exp.Placeholder):
            node.replace(exp.Var(this=f"{{{node.name}:{known[node.name]}}}"))
        elif (rule := _RULES.get(type(node))) is not None and (new := rule(node)) is not node:
            tree = new if node is tree else tree
            node.replace(new)
    return tree


def text(node: exp.Expr) -> str:
    """A part of a translated statement as SQL."""
    return node.sql(dialect=_CH, normalize_functions=False)


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
            inner = {_type(item) for item in value if item is not None} or {"String"}
            assert len(inner) == 1, "the members of a list have one type"
            (kind,) = inner
            return f"Array(Nullable({kind}))" if None in value else f"Array({kind})"
        case None:
            return "Nullable(String)"
        case _:
            return "String"


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    # As it is written: a function that sqlglot knows, it would spell in its own way.
    return exp.Anonymous(this=name, expressions=list(arguments))


def _sum(node: exp.Expr) -> exp.Expr:
    # A sum has the type of its column here, and wraps round where that is too small.
    operand = node.this
    is_money = any(column.name in _MONEY for column in operand.find_all(exp.Column))
    if is_money and not isinstance(operand, exp.Cast):
        return exp.Sum(this=_call("toDecimal256", operand, exp.Literal.number(24)))
    return exp.Sum(this=_call("toInt128", operand))


def _cast(node: exp.Expr) -> exp.Expr:
    to = node.args["to"]
    if not to.is_type(exp.DataType.Type.DECIMAL):
        return node
    # Wide enough for any bound, and for any sum it is compared with.
    return _call("toDecimal256", node.this, to.expressions[1].this)


def _list(node: exp.Expr) -> exp.Expr:
    if isinstance(node.this, exp.Distinct):
        return _call("groupUniqArray", *node.this.expressions)
    return _call("groupArray", node.this)


def _map_value(node: exp.Expr) -> exp.Expr:
    # A key that is not there has the value '' here, which is a value too.
    (key,) = node.expressions
    if isinstance(key, exp.Literal) and not key.is_string:
        return node  # a place in a list
    found = _call("mapContains", node.this.copy(), key.copy())
    return _call("if", found, _call("toNullable", _call("arrayElement", node.this, key)), exp.null())


def _map(node: exp.Expr) -> exp.Expr:
    # Of a list of keys and a list of values, and not of both in turn.
    return _call("mapFromArrays", node.args["keys"], node.args["values"])


def _entries(node: exp.Expr) -> exp.Expr:
    operand = node.this
    if not isinstance(operand, exp.Anonymous) or operand.name.lower() != "map_entries":
        return node
    (column,) = operand.expressions
    value = "String" if column.name in _TEXTS else "Decimal(38, 24)"
    pairs = exp.Cast(
        this=column, to=exp.DataType.build(f"Array(Tuple(key String, value {value}))", dialect=_CH)
    )
    return _call("arrayJoin", pairs)


def _select(node: exp.Expr) -> exp.Expr:
    # What is ordered by is what is shown, where a column has the same name.
    shown = {one.alias: one.unalias() for one in node.expressions if isinstance(one, exp.Alias)}
    for ordered in node.args["order"].expressions if node.args.get("order") else ():
        if isinstance(ordered.this, exp.Column) and not ordered.this.table and ordered.name in shown:
            ordered.set("this", shown[ordered.name].copy())
    # Lists that are unnested side by side are rows side by side; here each would meet each.
    unnested = [one for one in node.expressions if isinstance(one.unalias(), exp.Explode)]
    if len(unnested) < 2:
        return node
    lists = [one.unalias().this for one in unnested]
    rows = exp.select(exp.alias_(_call("arrayJoin", _call("arrayZip", *lists)), "listed")).subquery()
    columns = [
        exp.alias_(_call("tupleElement", exp.column("listed"), exp.Literal.number(number)), one.alias)
        for number, one in enumerate(unnested, start=1)
    ]
    return exp.select(*columns).from_(rows)


def _by_name(node: exp.Expr) -> exp.Expr:
    if not node.args.get("by_name"):
        return node
    node.set("by_name", False)
    left, right = node.this, node.expression
    places = {one.alias_or_name: number for number, one in enumerate(left.expressions)}
    right.set("expressions", sorted(right.expressions, key=lambda one: places[one.alias_or_name]))
    return node


def _percentile(node: exp.Expr) -> exp.Expr:
    # As DuckDB finds the rank, in floating point.
    ordered = _call("arraySort", _call("groupArray", node.this))
    length = _call("length", ordered.copy())
    share = node.expression
    below = _call("floor", length - length.copy() * share)
    rank = _call("greatest", exp.Literal.number(1), _call("toInt64", length.copy() - below))
    found = _call("toNullable", _call("arrayElement", ordered.copy(), rank))
    return _call("if", _call("empty", ordered), exp.null(), found)


def _not_materialized(node: exp.Expr) -> exp.Expr:
    node.set("materialized", None)
    return node


def _star(node: exp.Expr) -> exp.Expr:
    # Which row of several is the row, is nobody's question.
    if isinstance(node.parent, exp.Select):
        left_out = node.args.get("except_") or []
        node.set("except_", [*left_out, *(exp.column(name) for name in _HIDDEN)])
    return node


def _column(node: exp.Expr) -> exp.Expr:
    # What tells a row apart; there is no number that does.
    if node.name == "rowid":
        return exp.Tuple(expressions=[exp.column(name) for name in ("trace_id", "span_id", "started_at")])
    return node


def _anonymous(node: exp.Expr) -> exp.Expr:
    known = {"cardinality": "length", "list_sum": "arraySum", "map_values": "mapValues"}
    name = known.get(node.name.lower())
    return node if name is None else _call(name, *node.expressions)


_RULES: Final[dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.Select: _select,
    exp.Union: _by_name,
    exp.CTE: _not_materialized,
    exp.Column: _column,
    exp.Explode: _entries,
    exp.Sum: _sum,
    exp.Cast: _cast,
    exp.PercentileDisc: _percentile,
    exp.ArrayAgg: _list,
    exp.Bracket: _map_value,
    exp.Anonymous: _anonymous,
    exp.IntDiv: lambda node: _call("intDiv", node.this, node.expression),
    exp.Length: lambda node: _call("length", node.this),
    exp.Map: _map,
    exp.MapKeys: lambda node: _call("mapKeys", node.this),
    exp.Star: _star,
    exp.SHA2: lambda node: _call("lower", _call("hex", _call("SHA256", node.this))),
    exp.LogicalOr: lambda node: _call("max", node.this),
}
