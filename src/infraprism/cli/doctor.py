"""`infraprism doctor`: the whole path of a call, one line for each station."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from infraprism.cli import checks

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLES = """examples:
  infraprism doctor                                       in the environment of the application
  infraprism doctor --url https://collector.example.com
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "doctor",
        help="check the path of a call, from the application to the collector",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", help="where the collector is (as OTEL_EXPORTER_OTLP_ENDPOINT says)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what each check found; returns the exit code: 1 where one failed."""
    traces_url = f"{args.url.rstrip('/')}/v1/traces" if args.url else checks.endpoint(os.environ)
    found = []
    for stage in (
        checks.of_the_application(os.environ),
        checks.of_the_collector(traces_url, os.environ),
    ):
        for check in stage:
            found.append(check)
            if not args.json:
                print(f"{check.status:8}{check.name}: {check.detail}", flush=True)  # noqa: T201
    if args.json:
        print(json.dumps([asdict(check) for check in found]))  # noqa: T201
    return 1 if any(check.status == "failed" for check in found) else 0
