"""A crossing is told at least once, signed, whoever is down meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infraprism.collector.budgets import api, webhooks
from infraprism.collector.budgets.webhooks import Signer
from tests.support.clickhouse import Server
from tests.support.shared import SECRET, Collector, collecting

WEBHOOKS = {"INFRAPRISM_WEBHOOK_SECRET": SECRET, "INFRAPRISM_WEBHOOK_PRIVATE": "true"}


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with `status`."""

    daemon_threads = True

    def __init__(self, port: int = 0, status: int = 204) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = status
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.came = threading.Condition()
        self.url = f"http://127.0.0.1:{self.server_port}/hook?a=b"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self, number: int, timeout: float = 20) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.got) >= number, timeout), self.got


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.came:
            self.server.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.server.came.notify_all()
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving(port: int = 0, status: int = 204) -> Iterator[Receiver]:
    receiver = Receiver(port, status)
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()


def define(collector: Collector, url: str) -> Any:
    budget = {"name": "acme's", "amount": "0.01", "per": "entity", "webhook_url": url}
    status, made = collector.ask("POST", api.BUDGETS, budget)
    assert status == 201, made
    return made


def spend(collector: Collector, entity_id: str, amount: str) -> None:
    made = {"id": uuid.uuid4().hex, "amount": "0", "entity_type": "customer", "entity_id": entity_id}
    assert collector.ask("POST", api.RESERVATIONS, made)[0] == 201
    ended = {"trace_id": uuid.uuid4().hex, "span_id": uuid.uuid4().hex[:16], "amount": amount}
    assert collector.ask("POST", f"{api.RESERVATIONS}/{made['id']}/settle", ended)[0] == 204


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the specification of Standard Webhooks says."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return (
        headers["webhook-signature"] == f"v1,{mac}"
        and abs(time.time() - int(headers["webhook-timestamp"])) < 60
    )


@pytest.fixture(params=["duckdb", "clickhouse"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, by what it is named by."""
    if request.param == "duckdb":
        return str(tmp_path / "x.duckdb")
    address: str = request.getfixturevalue("clickhouse").address()
    return address


def test_a_crossing_is_told_once_and_signed(place: str) -> None:
    with receiving() as receiver, collecting(place, **WEBHOOKS) as collector:
        made = define(collector, receiver.url)
        spend(collector, "acme", "0.0099")
        spend(collector, "globex", "0.009")
        spend(collector, "acme", "0.0001")
        receiver.wait(1)
        spend(collector, "acme", "1")
        time.sleep(3)  # two more rounds
        [(path, headers, body)] = receiver.got
        [row] = [
            row
            for row in collector.ask("GET", f"{api.BUDGETS}/{made['id']}/state")[1]["data"]
            if row["key"]["entity_id"] == "acme"
        ]
    secret = made.pop("webhook_secret")
    assert path == "/hook?a=b"
    assert is_signed(secret, headers, body)
    assert not is_signed(secret, headers, body + b" ")
    assert headers["content-type"] == "application/json"
    assert json.loads(body, parse_float=Decimal) == {
        "type": "budget.crossed",
        "timestamp": row["crossed_at"],
        "data": {
            "budget": made,
            "key": {"entity_type": "customer", "entity_id": "acme"},
            "period_start": None,
            "period_end": None,
            "spent": Decimal("0.01"),
            "reserved": 0,
            "limit": Decimal("0.01"),
            "remaining": 0,
            "currency": "USD",
        },
    }


def test_a_crossing_is_told_although_the_receiver_and_the_collector_were_killed(place: str) -> None:
    with receiving(status=500) as receiver:
        port = receiver.server_port
        with collecting(place, **WEBHOOKS) as collector:
            secret = define(collector, receiver.url)["webhook_secret"]
            spend(collector, "acme", "0.02")
            receiver.wait(2)  # refused, and sent again
            collector.process.stop(by=signal.SIGKILL)
        first = receiver.got[0]
    with collecting(place, **WEBHOOKS):
        time.sleep(2)  # nobody is there
        with receiving(port) as receiver:
            receiver.wait(1)
            time.sleep(3)
            [(_, headers, body)] = receiver.got
    assert body == first[2]
    assert headers["webhook-id"] == first[1]["webhook-id"]
    assert int(headers["webhook-timestamp"]) > int(first[1]["webhook-timestamp"])
    assert is_signed(secret, headers, body)


def test_several_collectors_tell_a_crossing_under_one_id(clickhouse: Server) -> None:
    address = clickhouse.address()
    with (
        receiving() as receiver,
        collecting(address, **WEBHOOKS) as first,
        collecting(address, **WEBHOOKS) as second,
    ):
        define(first, receiver.url)
        spend(first, "acme", "0.006")
        spend(second, "acme", "0.006")
        spend(second, "globex", "0.0099")
        receiver.wait(1)
        time.sleep(3)  # two more rounds of each
        told = [(headers["webhook-id"], json.loads(body)["data"]["key"]) for _, headers, body in receiver.got]
    assert {entity["entity_id"] for _, entity in told} == {"acme"}
    assert len({message_id for message_id, _ in told}) == 1
    assert len(told) <= 2


def test_a_redirect_is_not_followed() -> None:
    with receiving(status=307) as receiver:
        assert webhooks.deliver(receiver.url, b"{}", {}, allow_private=True) == (False, "307")
        assert [path for path, _, _ in receiver.got] == ["/hook?a=b"]


def test_nothing_is_sent_to_an_address_that_is_not_public() -> None:
    with receiving() as receiver:
        url = receiver.url.replace("http:", "https:")
        assert webhooks.deliver(url, b"{}", {}, allow_private=False) == (False, "127.0.0.1 is not public")
        assert receiver.got == []


def test_what_is_no_receiver_is_told_in_a_few_words() -> None:
    with receiving() as receiver:
        url = receiver.url
    taken, answer = webhooks.deliver(url, b"{}", {}, allow_private=True)
    assert (taken, answer.partition(":")[0]) == (False, "ConnectionRefusedError")
    taken, answer = webhooks.deliver(url.replace("http:", "https:"), b"{}", {}, allow_private=True)
    assert not taken


def test_each_budget_has_a_secret_of_its_own() -> None:
    signer = Signer(SECRET)
    assert signer.secret_of("budget_1") != signer.secret_of("budget_2")
    assert signer.secret_of("budget_1") != Signer(SECRET + "!").secret_of("budget_1")
    assert SECRET not in repr(signer)


@pytest.mark.parametrize("secret", ["short"])
def test_a_secret_that_is_short_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(AssertionError, match="INFRAPRISM_WEBHOOK_SECRET must have at least 32 characters"):
        collecting(tmp_path / "x.duckdb", INFRAPRISM_WEBHOOK_SECRET=secret).__enter__()
