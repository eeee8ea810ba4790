"""`infraprism serve`: the collector on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infraprism import pricing, semconv, settings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("serve", help="receive spans, store calls, answer the Analytics API")
    parser.add_argument("--host", help=f"address to listen on (INFRAPRISM_HOST, {settings.DEFAULT_HOST})")
    parser.add_argument(
        "--port", type=_port, help=f"port, 0 for a free one (INFRAPRISM_PORT, {settings.DEFAULT_PORT})"
    )
    parser.add_argument(
        "--grpc-port",
        type=_grpc_port,
        help="port of OTLP over gRPC, 0 for a free one, 'off' for none"
        f" (INFRAPRISM_GRPC_PORT, {settings.DEFAULT_GRPC_PORT} where that is free)",
    )
    parser.add_argument(
        "--database", type=Path, help=f"database file (INFRAPRISM_DATABASE, {settings.DEFAULT_DATABASE})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; flags win over the environment. Returns the exit code."""
    environment = settings.load(os.environ)
    if environment.problems:
        return _fail("; ".join(environment.problems))
    try:
        from infraprism.collector import server
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("infraprism"):
            raise
        return _fail("infraprism serve needs the collector: pip install 'infraprism[collector]'")
    prices = None if environment.prices is None else Path(environment.prices)
    try:
        if prices is not None:
            pricing.use(pricing.load(prices))
        server.run(
            host=args.host if args.host is not None else environment.host,
            port=args.port if args.port is not None else environment.port,
            grpc_port=args.grpc_port if args.grpc_port is not None else environment.grpc_port,
            database=args.database if args.database is not None else Path(environment.database),
            api_key=environment.api_key,
            prices=prices,
        )
    except pricing.PriceFileError as error:
        first, more = error.problems[0], len(error.problems) - 1
        others = f" (and {more} more)" if more else ""
        return _fail(f"{semconv.SETTING_PRICES} cannot be used: {error.source}: {first}{others}")
    except server.CannotStartError as error:
        return _fail(str(error))
    return 0


def _fail(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 1


def _port(text: str) -> int:
    port = settings.port_of(text)
    if port is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 0 to 65535")
    return port


def _grpc_port(text: str) -> int | str:
    port = settings.grpc_port_of(text)
    if port is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 0 to 65535, or 'off'")
    return port
