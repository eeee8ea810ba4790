"""`infraprism prices`: the rates in force, the check of a file of one's own, the newest list."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from infraprism import pricing
from infraprism.cli import price_options
from infraprism.cli.price_options import fail
from infraprism.pricing import lists, newest, quotes

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand and its own."""
    parser = subparsers.add_parser(
        "prices", help="show rates, check a file of your own, fetch the newest list"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = commands.add_parser("show", help="the rates of a model")
    show.add_argument("model", metavar="MODEL")
    price_options.add_call(show)
    show.set_defaults(run=_show)
    check = commands.add_parser("check", help="say what is wrong with a file of prices")
    check.add_argument("file", metavar="FILE")
    check.set_defaults(run=_check)
    update = commands.add_parser(
        "update",
        help="fetch the newest price list from the network and tell what differs from the installed one",
    )
    update.add_argument("--save", metavar="FILE", type=Path, help="keep it, for a file of your own to name")
    update.set_defaults(run=_update)


def _show(args: argparse.Namespace) -> int:
    try:
        price_options.use_own_prices()
    except pricing.PriceFileError as error:
        return price_options.fail_by_own_prices(error)
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    at = args.at or datetime.now(UTC)
    quote = quotes.find(args.provider, args.model, args.tier, at, batch=args.batch)
    if quote is None:
        return fail(price_options.unknown(args, at))
    console = tables.console()
    if quote.rates:
        console.print(tables.rates(quote.rates))
    else:
        console.print("it costs nothing")
    console.print(f"by {quote.version}{tables.since(quote.effective_from)}")
    return 0


def _check(args: argparse.Namespace) -> int:
    try:
        book = pricing.load(args.file)
    except pricing.PriceFileError as error:
        return fail(str(error))
    counts = {"price": book.entries, "alias": book.aliases, "adjustment": book.adjustments}
    found = [_counted(len(items), word) for word, items in counts.items() if items]
    if book.listed is not None:
        found.append(f"the list {book.listed.version}")
    if book.display is not None:
        found.append(f"shown in {book.display.currency}")
    print(f"{args.file}: {', '.join(found) or 'nothing in it'} ({book.version})")  # noqa: T201
    return 0


def _update(args: argparse.Namespace) -> int:
    url = newest.address()
    print(f"fetching {url}")  # noqa: T201
    try:
        data = newest.fetch(url)
        fetched = lists.parse(data, (args.save or Path(url)).name)
    except lists.ListError as error:
        return fail(f"the newest price list {error}")
    differences = newest.compare(fetched)
    for word, models in differences._asdict().items():
        for model in models:
            print(f"{word:9}{model}")  # noqa: T201
    changes = ", ".join(f"{len(models)} {word}" for word, models in differences._asdict().items())
    print(f"beside {lists.installed().version}, which is installed: {changes}")  # noqa: T201
    if args.save is not None:
        return _save(data, fetched, args.save)
    if any(differences):
        print(  # noqa: T201
            "nothing was changed: upgrade genai-prices to price by the newer list, or --save it, "
            "or put what you need into a file of your own"
        )
    return 0


def _save(data: bytes, fetched: lists.PriceList, path: Path) -> int:
    try:
        newest.save(data, path)
    except OSError as error:
        return fail(f"{path} cannot be written: {error.strerror or type(error).__name__}")
    print(f"saved as {path} ({fetched.version}): a file of your own prices that names it is priced by it")  # noqa: T201
    return 0


def _counted(count: int, word: str) -> str:
    plural = f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{count} {word if count == 1 else plural}"
