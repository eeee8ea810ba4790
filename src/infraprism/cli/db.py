"""`infraprism db`: the database file of a collector brought up to date, checked, backed up and restored."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infraprism.cli import asking, configuration, db_copy
from infraprism.cli.guarding import on_database
from infraprism.cli.price_options import fail
from infraprism.pricing import money

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLES = """examples:
  infraprism db check --database infraprism.duckdb
  infraprism db backup monday.duckdb                      of the file, while no collector runs
  infraprism db backup --url http://127.0.0.1:4318        to the folder of the collector, while it runs
  infraprism db copy infraprism.duckdb                    to the ClickHouse of INFRAPRISM_DATABASE
  infraprism db restore monday.duckdb --database infraprism.duckdb
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "db",
        help="migrate, check, back up and restore the database of a collector",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    migrate = actions.add_parser("migrate", help="bring the file up to this release, as every start does")
    check = actions.add_parser("check", help="look for duplicates, wrong sums, contradictions")
    backup = actions.add_parser("backup", help="copy it to a new file, checked by count and sum")
    backup.add_argument("target", type=Path, nargs="?", help="the new file; not with --url")
    asking.add_options(backup)
    restore = actions.add_parser("restore", help="copy a backup, checked, to where no database is yet")
    restore.add_argument("backup", type=Path, help="the file of the backup")
    db_copy.add_action(actions)
    for action, run in ((migrate, _migrate), (check, _check), (backup, _backup), (restore, _restore)):
        configuration.add_options(action, "database")
        action.set_defaults(run=on_database(run))


def _migrate(args: argparse.Namespace) -> int:
    from infraprism.collector.store import schema
    from infraprism.collector.store.embedded import Store
    from infraprism.collector.store.opening import is_address, open_store

    database = configuration.read(args).database
    if is_address(database):
        with closing(open_store(database)) as store:
            _say(f"{store.place} has the schema of this release")
        return 0
    if not Path(database).is_file():
        return fail(f"{database}: there is no such file")
    Store(Path(database)).close()
    _say(f"{database} has the schema of this release, version {len(schema.MIGRATIONS)}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from infraprism.collector.store import backups

    path = _file(args)
    with closing(backups.open_to_read(path)) as connection, _waiting(f"checking {path}"):
        found = backups.faults(connection, "source")
        counted = backups.summary(connection, "source")
    for line in found:
        _say(f"{path}: {line}")
    _say(_summary(path, counted))
    return 1 if found else 0


def _backup(args: argparse.Namespace) -> int:
    if args.url:
        if args.target is not None:
            return fail("a collector backs up to its own folder: leave the target out")
        with _waiting("the collector copies its database"):
            text = asking.ask(args, "/v1/backups", {})
        answer = asking.read(text)
        _say(text if args.json else f"{answer['file']}: {answer['calls']:,} calls, ${answer['total_cost']}")
        return 0
    if args.target is None:
        return fail("name the file of the backup, or a collector by --url")
    counted = _copy(_file(args), args.target)
    if args.json:
        answer = {**counted._asdict(), "total": money.text(counted.total), "file": str(args.target)}
        _say(json.dumps(answer))
    else:
        _say(_summary(args.target, counted))
    return 0


def _restore(args: argparse.Namespace) -> int:
    from infraprism.collector.store import backups

    database = _file(args)
    with closing(backups.open_to_read(args.backup)) as connection, _waiting(f"checking {args.backup}"):
        found = backups.faults(connection, "source")
    if found:
        return fail(f"{args.backup} is damaged, nothing was restored: {'; '.join(found)}")
    _say(_summary(database, _copy(args.backup, database)))
    return 0


def _file(args: argparse.Namespace) -> Path:
    from infraprism.collector.store.opening import is_address

    database = configuration.read(args).database
    if is_address(database):
        raise configuration.ConfigurationError("this is for a database file: ClickHouse has tools of its own")
    return Path(database)


def _copy(source: Path, target: Path) -> Any:
    from infraprism.collector.store import backups

    with (
        closing(backups.open_to_read(source)) as connection,
        db_copy.progress(f"copying {source}") as progress,
    ):
        return backups.copy(connection, "source", target, progress)


def _summary(path: Path, counted: Any) -> str:
    return f"{path}: {counted.calls:,} calls, {counted.spans:,} other spans, ${money.text(counted.total)}"


def _say(line: str) -> None:
    print(line)  # noqa: T201


def _waiting(for_what: str) -> Any:
    from infraprism.cli import price_tables

    return price_tables.waiting(for_what)
