"""The command line: one table of subcommands. Each is a module that stays light until it is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module

from infraprism import __version__

#: Each is a module beside this one, with `add_parser(subparsers)`, which sets `run(args) -> exit code`.
SUBCOMMANDS = (
    "budgets",
    "cost",
    "db",
    "demo",
    "doctor",
    "explain",
    "keys",
    "metrics",
    "prices",
    "recost",
    "serve",
    "sessions",
)


def main(argv: list[str] | None = None) -> int:
    """Run `infraprism` with `argv` (the process's own arguments by default); returns the exit code."""
    parser = argparse.ArgumentParser(prog="infraprism", description="What every AI conversation costs.")
    parser.add_argument("--version", action="version", version=f"infraprism {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for subcommand in SUBCOMMANDS:
        import_module(f"infraprism.cli.{subcommand}").add_parser(subparsers)
    args = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        code = run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has what it wanted (`| head`); at the exit, Python would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
