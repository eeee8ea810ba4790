"""`infraprism recost`: stored calls priced again by the prices in force now."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from infraprism.cli import asking, price_options
from infraprism.cli.guarding import guarded
from infraprism.cli.price_options import fail

if TYPE_CHECKING:
    from types import ModuleType

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("recost", help="price stored calls again, or see what that would change")
    moment = price_options.moment
    parser.add_argument(
        "--since", type=moment, required=True, metavar="DATE", help="calls from then on, in UTC"
    )
    parser.add_argument("--until", type=moment, metavar="DATE", help="and before this date or time")
    parser.add_argument("--model", help="of this model only, as it was asked for or as it answered")
    parser.add_argument(
        "--entity", type=price_options.entity, metavar="TYPE/ID", help="of this entity, or type, only"
    )
    parser.add_argument("--unpriced", action="store_true", help="only calls whose amount is not known")
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    asking.add_options(parser)
    parser.set_defaults(run=guarded(run))


def run(args: argparse.Namespace) -> int:
    """Have the collector do it and print what changed; returns the exit code. Raises `asking.AskError`."""
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    entity_type, entity_id = args.entity or (None, None)
    wanted = {
        "since": _spelt(args.since),
        "until": _spelt(args.until),
        "model": args.model,
        "entity_type": entity_type,
        "entity_id": entity_id,
        "unpriced": args.unpriced,
        "dry_run": args.dry_run,
    }
    with tables.waiting("the collector prices its calls again"):
        text = asking.ask(args, "/v1/analytics/recosts", wanted)
    if args.json:
        print(text)  # noqa: T201
        return 0
    answer = asking.read(text)
    console = tables.console()
    console.print(tables.changes(answer))
    for line in _remarks(answer, tables):
        console.print(line, soft_wrap=True)
    return 0


def _remarks(answer: dict[str, Any], tables: ModuleType) -> Iterator[str]:
    yield (
        f"{answer['calls']:,} calls looked at, {answer['changed']:,} changed,"
        f" {answer['newly_priced']:,} newly priced, {answer['newly_unpriced']:,} newly unpriced"
    )
    if answer["skipped"]:
        reasons = (f"{count:,} {reason}" for reason, count in answer["skipped"].items())
        yield f"skipped: {', '.join(reasons)}"
    if "display" in answer and answer["display"] is None:
        yield "not shown in another currency: some call has no rate of exchange at its date"
    elif (display := answer.get("display")) is not None:
        before, after = (tables.amount(display[f"amount_{when}"]) for when in ("before", "after"))
        yield f"in {display['currency']}, each call at its date: {before} before, {after} after"
    yield f"by {answer['price_version']}"
    if answer["dry_run"]:
        yield "nothing was changed: this was a dry run"
    else:
        yield f"recost {answer['id']} is done"


def _spelt(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
