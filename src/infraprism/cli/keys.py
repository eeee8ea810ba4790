"""`infraprism keys`: who may send calls to a collector, and ask it."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from infraprism.cli import asking, configuration
from infraprism.cli.guarding import on_database

if TYPE_CHECKING:
    from infraprism.collector.access.keyring import Keyring

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_KEYS = "/v1/keys"
_EXAMPLES = """examples:
  infraprism keys create checkout --scope ingest          on the database file, while no collector runs
  infraprism keys create ada --scope read --url http://127.0.0.1:4318
  infraprism keys revoke 1f0c2a9b7d3e4f56 --url http://127.0.0.1:4318
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "keys",
        help="make, list and revoke the keys of a collector",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a key; it is shown this once")
    create.add_argument("name", help="who will hold it")
    create.add_argument(
        "--scope", action="append", choices=("ingest", "read", "admin"), required=True, help="may be repeated"
    )
    listing = actions.add_parser("list", help="all keys, without their secrets")
    revoke = actions.add_parser("revoke", help="end a key at once")
    revoke.add_argument("id", help="as `list` shows it")
    for action, run in ((create, _create), (listing, _list), (revoke, _revoke)):
        asking.add_options(action)
        configuration.add_options(action, "database")
        action.set_defaults(run=on_database(run))


def _create(args: argparse.Namespace) -> int:
    if args.url:
        answer = json.loads(asking.ask(args, _KEYS, {"name": args.name, "scopes": args.scope}))
    else:
        answer = _on_file(args, lambda ring: _made(ring, args), must_exist=False)
    if args.json:
        print(json.dumps(answer))  # noqa: T201
    else:
        print(answer["key"])  # noqa: T201
        print("Keep it now: it is not shown again.", file=sys.stderr)  # noqa: T201
    return 0


def _list(args: argparse.Namespace) -> int:
    data = json.loads(asking.ask(args, _KEYS))["data"] if args.url else _on_file(args, _rows)
    if args.json:
        print(json.dumps({"data": data}))  # noqa: T201
        return 0
    from infraprism.cli import price_tables

    price_tables.console().print(price_tables.keys(data))
    return 0


def _revoke(args: argparse.Namespace) -> int:
    if args.url:
        answer = json.loads(asking.ask(args, f"{_KEYS}/{quote(args.id, safe='')}", method="DELETE"))
    else:
        answer = _on_file(args, lambda ring: _revoked(ring, args.id))
    print(json.dumps(answer) if args.json else f"revoked {answer['name']} ({answer['prefix']}…)")  # noqa: T201
    return 0


def _made(ring: Keyring, args: argparse.Namespace) -> dict[str, Any]:
    from infraprism.collector.access import api

    text, key = ring.create(args.name, tuple(args.scope))
    return {**api.row(key), "key": text}


def _rows(ring: Keyring) -> list[dict[str, Any]]:
    from infraprism.collector.access import api

    return [api.row(key) for key in ring.all()]


def _revoked(ring: Keyring, key_id: str) -> dict[str, Any]:
    from infraprism.collector.access import api
    from infraprism.collector.access.keyring import NoSuchKeyError

    try:
        return api.row(ring.revoke(key_id))
    except NoSuchKeyError:
        raise asking.AskError(f"there is no key {key_id!r}") from None


def _on_file(args: argparse.Namespace, work: Any, *, must_exist: bool = True) -> Any:
    from infraprism.collector.access.keyring import Keyring
    from infraprism.collector.store.interface import CannotOpenError
    from infraprism.collector.store.opening import is_address, open_store

    database = configuration.read(args).database
    if must_exist and not is_address(database) and not Path(database).is_file():
        raise asking.AskError(f"{database}: there is no such file")
    try:
        store = open_store(database)
    except CannotOpenError as error:
        raise asking.AskError(f"{error}; if a collector runs on it, ask it with --url") from None
    with closing(store):
        return work(Keyring(store, None))
