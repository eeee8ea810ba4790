"""Builders for the tests of stored costs: calls as the plugin sends them, and a file of other prices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.embedded import Store
from tests.support.otlp import make_call, make_request

#: gpt-4o at 2 and 8 dollars, where the list has 2.50 and 10.
CHEAPER = '[[prices]]\nprovider = "openai"\nmodel = "gpt-4o"\ninput = "2"\noutput = "8"\n'
CALLS = "/v1/analytics/calls"
RECOSTS = "/v1/analytics/recosts"
#: 2025-01-01, when the calls of the builders begin.
SINCE = {"since": "2025-01-01"}


def make_billed(number: int = 1, values: Mapping[str, Any] | None = None, **options: Any) -> Span:
    """`make_call` with the quantities of its parts, as this version sends them."""
    quantities = {"infraprism.cost.quantities": "input=1000 output=500"}
    return make_call(number, {**quantities, **(values or {})}, **options)


def make_unpriced(number: int, values: Mapping[str, Any] | None = None, **options: Any) -> Span:
    """A call of which no amount is known, though its model has a price."""
    gone = ("amount", "currency", "source", "price_version", "input", "output")
    taken = {f"infraprism.cost.{name}": None for name in gone} | {"infraprism.cost.status": "unpriced"}
    return make_call(number, {**taken, **(values or {})}, **options)


def send(store: Store, *spans: Span) -> None:
    """Store `spans`."""
    store.submit(read_request(make_request(*spans))).result()


def priced_client(store: Store, folder: Path, prices: str | None = CHEAPER) -> TestClient:
    """The collector over `store`, with a file of prices."""
    path = folder / "prices.toml"
    path.write_text(prices or "")
    return TestClient(create_app(store, prices=path), raise_server_exceptions=False)


def exact(response: httpx2.Response) -> Any:
    """The JSON of an answer with its numbers as they are written."""
    return json.loads(response.text, parse_float=Decimal)


def call_path(number: int) -> str:
    """Where call `number` is explained."""
    return f"{CALLS}/{number:032x}/{number:016x}"
