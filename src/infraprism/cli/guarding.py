"""Commands that end with one line where they cannot go on."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from infraprism.cli import asking, configuration, price_options
from infraprism.cli.price_options import fail

Run = Callable[[argparse.Namespace], int]


def guarded(run: Run) -> Run:
    """`run`, where a collector that gives no answer, or a setting that cannot be used, is one line and 1."""

    def run_guarded(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except (asking.AskError, configuration.ConfigurationError) as error:
            return fail(str(error))

    return run_guarded


def on_database(run: Run) -> Run:
    """`run` as `guarded` has it, and what goes wrong with a database too; it needs the extra `collector`."""

    def run_on_database(args: argparse.Namespace) -> int:
        if price_options.tables() is None:
            return fail("this needs the collector: pip install 'infraprism[collector]'")
        from infraprism.collector.store.backups import BackupError
        from infraprism.collector.store.copying import CopyError
        from infraprism.collector.store.interface import CannotOpenError

        try:
            return guarded(run)(args)
        except (BackupError, CannotOpenError, CopyError) as error:
            return fail(str(error))

    return run_on_database
