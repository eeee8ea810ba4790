"""`infraprism budgets`: what the collector's budgets are, and who has spent how much of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from infraprism.cli import asking, price_options
from infraprism.cli.guarding import guarded
from infraprism.cli.price_options import fail

if TYPE_CHECKING:
    from types import ModuleType

    from rich.table import Table

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PATH = "/v1/budgets"
_EXAMPLE = """example:
  infraprism budgets create "acme's month" 20 --per entity --period month --entity customer/acme-corp
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommands."""
    parser = subparsers.add_parser("budgets", help="what may be spent, and what was")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = commands.add_parser("list", help="all budgets of the collector")
    shown = commands.add_parser("show", help="who has spent how much of a budget in its present period")
    created = commands.add_parser(
        "create", help="a new budget", epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    created.add_argument("name", metavar="NAME")
    created.add_argument("amount", metavar="USD", help="such as 0.50")
    created.add_argument("--per", default="session", help="session, entity, or tag:KEY (%(default)s)")
    created.add_argument(
        "--period", default="total", choices=("hour", "day", "week", "month", "total"), help="(%(default)s)"
    )
    created.add_argument(
        "--entity", type=price_options.entity, metavar="TYPE/ID", help="only calls of this entity, or type"
    )
    created.add_argument("--value", help="only this session, or this value of the tag")
    created.add_argument(
        "--action", default="warn", choices=("warn", "raise"), help="what a call meets (%(default)s)"
    )
    created.add_argument("--webhook-url", metavar="URL", help="where to tell that it is crossed")
    deleted = commands.add_parser("delete", help="delete a budget")
    for command in (shown, deleted):
        command.add_argument("budget_id", metavar="ID")
    for command, run in ((listed, _list), (shown, _show), (created, _create), (deleted, _delete)):
        asking.add_options(command)
        command.set_defaults(run=guarded(run))


def _list(args: argparse.Namespace) -> int:
    return _printed(args, [_PATH])


def _show(args: argparse.Namespace) -> int:
    path = f"{_PATH}/{quote(args.budget_id, safe='')}"
    return _printed(args, [path, f"{path}/state"])


def _create(args: argparse.Namespace) -> int:
    entity_type, entity_id = args.entity or (None, None)
    names = ("name", "amount", "per", "period", "value", "action", "webhook_url")
    wanted = {name: getattr(args, name) for name in names}
    text = asking.ask(args, _PATH, {**wanted, "entity_type": entity_type, "entity_id": entity_id})
    if args.json:
        print(text)  # noqa: T201
        return 0
    made = asking.read(text)
    print(made["id"])  # noqa: T201
    if "webhook_secret" in made:
        print(f"its webhooks are signed with {made['webhook_secret']}")  # noqa: T201
    return 0


def _delete(args: argparse.Namespace) -> int:
    asking.ask(args, f"{_PATH}/{quote(args.budget_id, safe='')}", method="DELETE")
    return 0


def _printed(args: argparse.Namespace, paths: Sequence[str]) -> int:
    """Print what the collector answers at `paths`: its budgets, or one of them and its state."""
    texts = [asking.ask(args, path) for path in paths]
    if args.json:
        print(texts[-1])  # noqa: T201
        return 0
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    answers = [asking.read(text) for text in texts]
    console = tables.console()
    if len(answers) == 1:
        console.print(_budgets(answers[0]["data"], tables))
        return 0
    budget, state = answers
    console.print(_title(budget, tables), soft_wrap=True)
    console.print(_state(state["data"], tables))
    if state["has_more"]:
        console.print("and more, who have used less")
    return 0


def _title(budget: dict[str, Any], tables: ModuleType) -> str:
    every = "once and for all" if budget["period"] == "total" else f"each {budget['period']}"
    return (
        f"{budget['name']}: {tables.amount(budget['amount'])} USD per {budget['per']}, {every}{_only(budget)}"
    )


def _only(budget: dict[str, Any]) -> str:
    who = "/".join(budget[name] for name in ("entity_type", "entity_id", "value") if budget[name])
    return f", only {who}" if who else ""


def _budgets(rows: Sequence[dict[str, Any]], tables: ModuleType) -> Table:
    table = _table("id", "name", "per", "period", "only", "action", amounts=("USD",))
    for row in rows:
        only = _only(row).removeprefix(", only ")
        cells = (row["id"], row["name"], row["per"], row["period"], only, row["action"])
        table.add_row(*cells, tables.amount(row["amount"]))
    return table


def _state(rows: Sequence[dict[str, Any]], tables: ModuleType) -> Table:
    table = _table("who", "crossed", amounts=("spent", "reserved", "remaining"))
    for row in rows:
        floor = "≥ " if row["unpriced_calls"] else ""
        amounts: Iterator[str] = (tables.amount(row[name]) for name in ("spent", "reserved", "remaining"))
        spent, *others = amounts
        who = "/".join(value for value in row["key"].values() if value is not None)
        table.add_row(who, row["crossed_at"] or "", floor + spent, *others)
    return table


def _table(*columns: str, amounts: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for column in amounts:
        table.add_column(column, justify="right", no_wrap=True)
    return table
