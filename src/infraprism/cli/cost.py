"""`infraprism cost`: what a call would cost, part by part."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from infraprism import pricing
from infraprism.cli import price_options
from infraprism.cli.price_options import fail
from infraprism.pricing import money

if TYPE_CHECKING:
    from infraprism.pricing.exchange import Display

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: Option → field of the usage; each is a part of the one before it that is a whole.
_COUNTS = {
    "--input-tokens": ("input_tokens", "all of the input"),
    "--cached-tokens": ("cache_read_tokens", "of the input, read from the cache"),
    "--cache-write-tokens": ("cache_write_tokens", "of the input, written to the cache"),
    "--input-audio-tokens": ("input_audio_tokens", "of the input, audio"),
    "--output-tokens": ("output_tokens", "all of the output"),
    "--reasoning-tokens": ("reasoning_tokens", "of the output, reasoning"),
    "--output-audio-tokens": ("output_audio_tokens", "of the output, audio"),
}


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("cost", help="what a call would cost, part by part")
    parser.add_argument("--model", required=True)
    for option, (name, what) in _COUNTS.items():
        required = option == "--input-tokens"
        parser.add_argument(
            option, dest=name, type=_count, default=0, required=required, metavar="N", help=what
        )
    price_options.add_call(parser)
    parser.add_argument("--entity", type=price_options.entity, metavar="TYPE/ID", help="who it is for")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the cost; returns the exit code: 1 where no price is known."""
    try:
        own = price_options.use_own_prices()
    except pricing.PriceFileError as error:
        return price_options.fail_by_own_prices(error)
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    usage = pricing.Usage(**{name: getattr(args, name) for name, _ in _COUNTS.values()})
    if wrong := _contradiction(usage):
        return fail(wrong)
    at = args.at or datetime.now(UTC)
    cost = pricing.price(
        usage,
        provider=args.provider,
        model=args.model,
        service_tier=args.tier,
        at=at,
        batch=args.batch,
        entity=args.entity,
    )
    if cost.amount is None:
        return fail(price_options.unknown(args, at))
    console = tables.console()
    console.print(tables.parts(cost))
    console.print(f"{cost.status}, {cost.source}, by {cost.price_version}{tables.since(cost.effective_from)}")
    if cost.adjustment is not None:
        console.print(price_options.adjusted(cost.adjustment, "/".join(filter(None, args.entity))))
    if own is not None and own.display is not None:
        console.print(tables.floor(cost.status) + _converted(cost.amount, own.display, at))
    return 0


def _contradiction(usage: pricing.Usage) -> str | None:
    of_input = (usage.cache_read_tokens, usage.cache_write_tokens, usage.input_audio_tokens)
    of_output = (usage.reasoning_tokens, usage.output_audio_tokens)
    for name, whole, parts in (
        ("input", usage.input_tokens, of_input),
        ("output", usage.output_tokens, of_output),
    ):
        if sum(part or 0 for part in parts) > (whole or 0):
            return f"--{name}-tokens is all of the {name}: its parts are more than {whole or 0:,}"
    return None


def _converted(amount: Decimal, display: Display, at: datetime) -> str:
    rate, converted = display.rate(at), display.convert(amount, at)
    if rate is None or converted is None:
        return f"no rate of {display.currency} is known for {at:%Y-%m-%d}"
    return f"{money.text(converted)} {display.currency}, one USD being {money.text(rate.rate)}"


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of tokens")
