"""`infraprism db copy`: a database file into a ClickHouse database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infraprism.cli import configuration
from infraprism.cli.guarding import on_database
from infraprism.pricing import money


def add_action(actions: Any) -> None:
    """Add the action."""
    parser = actions.add_parser("copy", help="copy a file into ClickHouse, checked by count and sum")
    parser.add_argument("source", type=Path, help="the database file, which no collector uses")
    parser.add_argument(
        "target",
        nargs="?",
        help="clickhouse://user:password@host:port/database; by default that of the settings, where nobody"
        " on this machine reads the password",
    )
    parser.add_argument("--config", type=Path, help="TOML file with the settings")
    parser.set_defaults(run=on_database(_run))


def _run(args: argparse.Namespace) -> int:
    from infraprism.collector.store import copying

    target = args.target or configuration.read(args).database
    with progress(f"copying {args.source}") as tell:
        copied = copying.copy(args.source, target, tell)
    print(  # noqa: T201
        f"{copied.place}: {copied.calls:,} calls, {copied.spans:,} other spans, ${money.text(copied.total)},"
        f" as in {args.source}"
    )
    return 0


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, to be told what is done of what there is."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
