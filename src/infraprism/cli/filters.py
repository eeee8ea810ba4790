"""The options that say which sessions are meant, as parameters of the Analytics API."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlencode

from infraprism.cli import price_options

_STATUSES = ("priced", "estimated", "partial", "unpriced", "free")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them. What an option may be, the collector says."""
    parser.add_argument("--since", metavar="DATE", help="from this date or time on")
    parser.add_argument("--until", metavar="DATE", help="up to the end of this date, or before this time")
    parser.add_argument(
        "--entity", type=price_options.entity, metavar="TYPE/ID", help="of this entity, or type, only"
    )
    parser.add_argument("--model", help="with this model, as it was asked for or as it answered")
    parser.add_argument("--provider", help="with this provider")
    parser.add_argument(
        "--tag", type=_tag, action="append", default=[], metavar="KEY=VALUE", help="may be repeated"
    )
    parser.add_argument("--min-cost", metavar="USD", help="that cost so much or more")
    parser.add_argument("--max-cost", metavar="USD", help="that cost so much or less")
    parser.add_argument("--status", choices=_STATUSES, help="with this cost status")
    parser.add_argument("--errors", action="store_true", help="in which calls failed")
    parser.add_argument("--unpriced", action="store_true", help="with calls that have no known amount")


def query(args: argparse.Namespace, **others: Any) -> str:
    """The options as the query of a URL, with `others` beside them; what is None is not asked."""
    entity_type, entity_id = args.entity or (None, None)
    asked = {
        "start_date": args.since,
        "end_date": args.until,
        "entity_type": entity_type,
        "entity_id": entity_id,
        "model": args.model,
        "provider": args.provider,
        **{f"tag.{key}": value for key, value in args.tag},
        "min_cost": args.min_cost,
        "max_cost": args.max_cost,
        "status": args.status,
        "has_errors": "true" if args.errors else None,
        "unpriced": "true" if args.unpriced else None,
        **others,
    }
    return urlencode({name: value for name, value in asked.items() if value is not None})


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not a tag such as plan=pro")
    return key, value
