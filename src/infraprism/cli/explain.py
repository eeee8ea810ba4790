"""`infraprism explain`: how the cost of a stored call came about."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from infraprism.cli import asking, price_options
from infraprism.cli.guarding import guarded
from infraprism.cli.price_options import fail

if TYPE_CHECKING:
    from types import ModuleType

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("explain", help="how the cost of a stored call came about")
    parser.add_argument("trace_id", metavar="TRACE_ID")
    parser.add_argument("span_id", metavar="SPAN_ID")
    asking.add_options(parser)
    parser.set_defaults(run=guarded(run))


def run(args: argparse.Namespace) -> int:
    """Print the explanation; returns the exit code: 1 without tables. Raises `asking.AskError`."""
    ids = "/".join(quote(part, safe="") for part in (args.trace_id, args.span_id))
    text = asking.ask(args, f"/v1/analytics/calls/{ids}")
    if args.json:
        print(text)  # noqa: T201
        return 0
    if (tables := price_options.tables()) is None:
        return fail(price_options.NO_TABLES)
    call = asking.read(text)
    console = tables.console()
    console.print(_title(call, tables), soft_wrap=True)
    if call["explanation"]["lines"]:
        console.print(tables.lines(call["explanation"], call["cost_status"]))
    for line in _remarks(call, tables):
        console.print(line, soft_wrap=True)
    return 0


def _title(call: dict[str, Any], tables: ModuleType) -> str:
    model = call["response_model"] or call["request_model"] or "an unknown model"
    tier = f" at tier {call['service_tier']}" if call["service_tier"] else ""
    batch = " in a batch" if call["is_batch"] else ""
    title = f"{call['operation'] or call['name']} of {model}, {call['provider'] or 'unknown provider'}"
    title += f"{tier}{batch}, at {call['started_at']}"
    owner = tables.entity(call)
    return f"{title}, for {owner}" if owner else title


def _remarks(call: dict[str, Any], tables: ModuleType) -> Iterator[str]:
    explanation = call["explanation"]
    yield f"{call['cost_status'] or 'no cost'}: {explanation['status']}"
    if explanation["price_list"] is not None:
        since = explanation["effective_from"]
        yield f"by {explanation['price_list']}{'' if since is None else f', since {since}'}"
    if (percent := explanation["adjustment_percent"]) is not None:
        yield price_options.adjusted(Decimal(percent), tables.entity(call))
    if explanation["is_usage_estimated"]:
        yield "the usage was estimated from the text of the stream"
    if explanation["unpriced"]:
        yield f"without a price: {', '.join(explanation['unpriced'])}"
    for earlier in call["recosts"]:
        before = earlier["cost_before"]
        shown = "unknown" if before is None else f"{tables.amount(before)} USD"
        by = "" if earlier["price_version_before"] is None else f", by {earlier['price_version_before']}"
        at = earlier["recosted_at"]
        yield f"priced again on {at}, before: {shown} ({earlier['cost_status_before']}{by})"
    if (display := call.get("display")) is not None and call["cost"] is not None:
        if display["cost"] is None:
            yield f"no rate of {display['currency']} is known for {call['started_at'][:10]}"
        else:
            shown = tables.floor(call["cost_status"]) + tables.amount(display["cost"])
            yield f"{shown} {display['currency']}, one USD being {tables.amount(display['rate'])}"
