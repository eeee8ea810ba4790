"""`infraprism serve`: the collector on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infraprism import pricing, semconv
from infraprism.cli import configuration
from infraprism.cli.price_options import fail

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("serve", help="receive spans, store calls, answer the Analytics API")
    configuration.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; returns the exit code."""
    try:
        told = configuration.read(args)
    except configuration.ConfigurationError as error:
        return fail(str(error))
    try:
        from infraprism.collector import server
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("infraprism"):
            raise
        return fail("infraprism serve needs the collector: pip install 'infraprism[collector]'")
    try:
        if told.prices is not None:
            pricing.use(pricing.load(told.prices))
        server.run(
            host=told.host,
            port=told.port,
            grpc_port=told.grpc_port,
            database=told.database,
            api_key=told.api_key,
            prices=told.prices,
            retention=told.retention,
            backups=told.backups,
            log_format=told.log_format,
            trace_url=told.trace_url,
            webhook_secret=told.webhook_secret,
            webhook_private=told.webhook_private,
        )
    except pricing.PriceFileError as error:
        first, more = error.problems[0], len(error.problems) - 1
        others = f" (and {more} more)" if more else ""
        return fail(f"{semconv.SETTING_PRICES} cannot be used: {error.source}: {first}{others}")
    except server.CannotStartError as error:
        return fail(str(error))
    return 0
