"""`infraprism metrics`: sessions in numbers, beside those of the period before."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infraprism.cli import asking, filters, price_options
from infraprism.cli.guarding import guarded
from infraprism.cli.price_options import fail

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PATH = "/v1/analytics/metrics/sessions"
_EXAMPLES = """examples:
  infraprism metrics --since 2026-11-01 --until 2026-11-30
  infraprism metrics --by model --tag plan=pro
  infraprism metrics --interval hour --since 2026-11-24 --time-zone Europe/Berlin --json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "metrics",
        help="sessions in numbers, of the last 30 days or another period",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    filters.add_options(parser)
    parser.add_argument(
        "--by", metavar="WHAT", help="entity, entity_type, model, provider, tier or tag.KEY: a row for each"
    )
    parser.add_argument("--interval", choices=("day", "hour"), default="day", help="(%(default)s)")
    parser.add_argument("--time-zone", metavar="NAME", help="of dates, days and hours (UTC)")
    asking.add_options(parser)
    parser.set_defaults(run=guarded(run))


def run(args: argparse.Namespace) -> int:
    """Print them; returns the exit code: 1 without tables. Raises `asking.AskError`."""
    query = filters.query(args, group_by=args.by, interval=args.interval, time_zone=args.time_zone)
    text = asking.ask(args, f"{_PATH}?{query}")
    if args.json:
        print(text)  # noqa: T201
        return 0
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    from infraprism.cli import analytics_tables

    answer = asking.read(text)
    console = tables.console()
    console.print(f"{answer['period']['start']} to {answer['period']['end']}", soft_wrap=True)
    console.print(analytics_tables.summary(answer))
    rows = answer["groups"] if args.by else answer["series"]
    console.print(analytics_tables.slices(rows, args.by or args.interval))
    if answer["more_groups"]:
        console.print(f"the {len(rows):,} groups of the largest cost; there are more")
    return 0
