"""`infraprism sessions`: what conversations cost, from a collector that has their calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urlencode

from infraprism.cli import asking, filters, price_options
from infraprism.cli.guarding import guarded
from infraprism.cli.price_options import fail

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PATH = "/v1/analytics/sessions"
_SORTS = ("last_activity_at", "started_at", "duration", "total_cost", "turn_count", "call_count")
_EXAMPLES = """examples:
  infraprism sessions list --sort total_cost --since 2026-11-01
  infraprism sessions list --entity customer/acme-corp --tag plan=pro --json
  infraprism sessions show conv-17
  infraprism sessions export --format parquet --output november.parquet --since 2026-11-01 --until 2026-11-30
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "sessions",
        help="list, show and export sessions with what they cost",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="sessions, the latest or the dearest first")
    listing.add_argument("--limit", default="20", metavar="N", help="at most so many (%(default)s)")
    export = actions.add_parser("export", help="all sessions as a file")
    export.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv", help="(%(default)s)")
    export.add_argument("--output", type=Path, metavar="FILE", help="(standard output)")
    export.add_argument("--limit", metavar="N", help="sessions that are asked for at once (100,000)")
    for action in (listing, export):
        filters.add_options(action)
        action.add_argument("--sort", choices=_SORTS, default=_SORTS[0], help="(%(default)s)")
        action.add_argument("--order", choices=("desc", "asc"), default="desc", help="(%(default)s)")
    show = actions.add_parser("show", help="one session with its calls")
    show.add_argument("session_id", metavar="SESSION_ID")
    show.add_argument("--entity", type=price_options.entity, metavar="TYPE/ID", help="whose session it is")
    for action, run in ((listing, _list), (show, _show), (export, _export)):
        asking.add_options(action)
        action.set_defaults(run=guarded(run))


def _list(args: argparse.Namespace) -> int:
    text = asking.ask(
        args, f"{_PATH}?{filters.query(args, sort=args.sort, order=args.order, limit=args.limit)}"
    )
    if args.json:
        print(text)  # noqa: T201
        return 0
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    from infraprism.cli import report

    answer = asking.read(text)
    console = tables.console()
    console.print(report.table(answer["data"]))
    if answer["has_more"]:
        console.print("there are more: ask for them by --limit, or export them", soft_wrap=True)
    return 0


def _show(args: argparse.Namespace) -> int:
    path = f"{_PATH}/{quote(args.session_id, safe='')}"
    if args.entity:
        path += "?" + urlencode(dict(zip(("entity_type", "entity_id"), args.entity, strict=True)))
    text = asking.ask(args, path)
    if args.json:
        print(text)  # noqa: T201
        return 0
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    from infraprism.cli import analytics_tables, report

    session = asking.read(text)
    console = tables.console()
    console.print(report.table([session]))
    console.print(analytics_tables.calls(session["calls"]))
    if session["calls_has_more"]:
        console.print(f"the first {len(session['calls']):,} of {session['call_count']:,} calls")
    return 0


def _export(args: argparse.Namespace) -> int:
    if args.output is None:
        return _write(args, sys.stdout.buffer)
    try:
        with args.output.open("wb") as file:
            code = _write(args, file)
    except OSError as error:
        return fail(f"cannot write {args.output}: {error.strerror}")
    print(f"{args.output}: {args.output.stat().st_size:,} bytes", file=sys.stderr)  # noqa: T201
    return code


def _write(args: argparse.Namespace, file: BinaryIO) -> int:
    """Write all sessions, piece by piece where the collector gives them so; returns the exit code."""
    cursor: str | None = None
    while True:
        order = {"sort": args.sort, "order": args.order, "format": args.format, "cursor": cursor}
        is_headed = args.format == "csv" and cursor is not None
        path = f"{_PATH}?{filters.query(args, limit=args.limit, **order)}"
        cursor = asking.save(args, path, file, skip_line=is_headed)
        if cursor is None:
            return 0
        if args.format == "parquet":
            return fail("there are more sessions than one file of Parquet gets: ask for less time at once")
