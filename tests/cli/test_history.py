"""`infraprism explain` and `infraprism recost` beside a real collector."""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from infraprism.pricing import load, version
from tests.cli.conftest import Run, Start
from tests.support.otlp import make_span
from tests.support.repriced import CHEAPER, make_billed, make_unpriced

EUROS = "[display]\ncurrency = 'EUR'\nrates = [{ rate = '0.9' }]\n"
IDS = (f"{1:032x}", f"{1:016x}")


def test_a_call_before_and_after_it_is_priced_again(run: Run, start: Start, tmp_path: Path) -> None:
    start(CHEAPER + EUROS, make_billed(1), make_unpriced(2, {"infraprism.entity.id": "globex"}))
    own = load(tmp_path / "prices.toml").version
    title = "chat of gpt-4o-2024-08-06, openai, at 2025-01-01T00:00:01.000000Z, for customer/acme\n"

    assert run("explain", *IDS) == (
        0,
        f"{title}"
        "  part     quantity   unit     rate, USD   per   amount, USD\n"
        " ────────────────────────────────────────────────────────────\n"
        "  input       1,000   tokens         2.5   1M         0.0025\n"
        "  output        500   tokens          10   1M          0.005\n"
        "  total                                               0.0075\n"
        "priced: the amount is exact by the rates of the price list\n"
        "by genai-prices 0.2.3\n"
        "0.00675 EUR, one USD being 0.9\n",
        "",
    )
    changes = (
        "  entity            calls   changed   before, USD   after, USD   difference, USD   difference, EUR\n"
        f" {'─' * 98}\n"
        "  customer/globex       1         1             0        0.006             0.006            0.0054\n"
        "  customer/acme         1         1        0.0075        0.006           -0.0015          -0.00135\n"
        "  total                 2         2        0.0075        0.012            0.0045           0.00405\n"
        "2 calls looked at, 2 changed, 1 newly priced, 0 newly unpriced\n"
        "in EUR, each call at its date: 0.00675 before, 0.0108 after\n"
        f"by {version()}, {own}\n"
    )
    dry = "nothing was changed: this was a dry run\n"
    assert run("recost", "--since", "2025-01-01", "--dry-run") == (0, changes + dry, "")
    assert run("recost", "--since", "2025-01-01") == (0, f"{changes}recost 1 is done\n", "")

    code, printed, errors = run("explain", *IDS)
    assert (code, errors) == (0, "")
    again = re.sub(r"priced again on \S+,", "priced again on …,", printed)
    assert again == (
        f"{title}"
        "  part     quantity   unit     rate, USD   per   amount, USD\n"
        " ────────────────────────────────────────────────────────────\n"
        "  input       1,000   tokens           2   1M          0.002\n"
        "  output        500   tokens           8   1M          0.004\n"
        "  total                                                0.006\n"
        "priced: the amount is exact by the rates of the price list\n"
        f"by {own}\n"
        "priced again on …, before: 0.0075 USD (priced, by genai-prices 0.2.3)\n"
        "0.0054 EUR, one USD being 0.9\n"
    )
    assert "before: unknown (unpriced)\n" in run("explain", f"{2:032x}", f"{2:016x}")[1]


def test_a_currency_without_a_rate_for_a_call(run: Run, start: Start) -> None:
    rates = "[display]\ncurrency = 'EUR'\nrates = [{ from = 2026-01-01, rate = 1 }]"
    start(CHEAPER + rates, make_billed(1))

    printed = run("recost", "--since", "2025-01-01", "--dry-run")[1]

    assert "EUR" not in printed
    assert "not shown in another currency: some call has no rate of exchange at its date\n" in printed
    assert run("explain", *IDS)[1].endswith("no rate of EUR is known for 2025-01-01\n")


def test_all_that_can_be_said_of_a_call(run: Run, start: Start) -> None:
    values = {
        "openai.response.service_tier": "flex",
        "infraprism.batch.request": True,
        "infraprism.cost.status": "partial",
        "infraprism.cost.effective_from": "2024-10-01T00:00:00Z",
        "infraprism.cost.adjustment_percent": "-15",
        "infraprism.usage.unpriced": ["code_interpreter"],
        "infraprism.cost.amount": "0.0076",
    }
    start("", make_billed(1, values))

    code, printed, _ = run("explain", *IDS)

    assert (code, printed) == (
        0,
        "chat of gpt-4o-2024-08-06, openai at tier flex in a batch, at 2025-01-01T00:00:01.000000Z,"
        " for customer/acme\n"
        "  part          quantity   unit     rate, USD   per    amount, USD\n"
        " ──────────────────────────────────────────────────────────────────\n"
        "  input            1,000   tokens         2.5   1M          0.0025\n"
        "  output             500   tokens          10   1M           0.005\n"
        "  unexplained              call                 call        0.0001\n"
        "  total                                                   ≥ 0.0076\n"
        "partial: something that was billed has no known price: the amount is a floor\n"
        "by genai-prices 0.2.3, since 2024-10-01T00:00:00.000000Z\n"
        "each rate is 15 % below the one for everybody: customer/acme\n"
        "without a price: code_interpreter\n",
    )


def test_a_name_that_was_sent_does_nothing_to_the_terminal(run: Run, start: Start) -> None:
    sent = {"gen_ai.response.model": "gpt\x1b[2J", "infraprism.usage.unpriced": ["a\x07"]}
    start("", make_unpriced(1, sent))

    printed = run("explain", *IDS)[1]

    assert printed.startswith("chat of gpt\ufffd[2J, openai")
    assert printed.endswith("without a price: input_tokens, output_tokens, a\ufffd\n")


def test_a_call_without_a_cost(run: Run, start: Start) -> None:
    start("", make_span(1, {"gen_ai.operation.name": "chat", "error.type": "429"}))

    assert run("explain", *IDS) == (
        0,
        "chat of an unknown model, unknown provider, at 2025-01-01T00:00:01.000000Z\n"
        "no cost: the request failed and is not billed\n",
        "",
    )


def test_the_options_choose_and_json_is_the_answer_itself(run: Run, start: Start) -> None:
    start(CHEAPER, make_billed(1), make_billed(2, {"infraprism.cost.source": "provider"}))
    options = ("--until", "2025-01-01T00:00:03+00:00", "--model", "gpt-4o", "--entity", "customer/acme")

    code, printed, _ = run("recost", "--since", "2025-01-01", *options, "--json")
    answer = json.loads(printed)
    wanted = {name: answer[name] for name in ("since", "until", "model", "entity_type", "entity_id")}
    assert (code, wanted) == (
        0,
        {
            "since": "2025-01-01T00:00:00.000000Z",
            "until": "2025-01-01T00:00:03.000000Z",
            "model": "gpt-4o",
            "entity_type": "customer",
            "entity_id": "acme",
        },
    )
    assert (answer["changed"], answer["skipped"], answer["dry_run"]) == (1, {"provider_cost": 1}, False)
    assert "skipped: 1 provider_cost\n" in run("recost", "--since", "2025-01-01")[1]
    assert run("recost", "--since", "2025-01-01", "--unpriced")[1].startswith("  entity   calls ")
    assert json.loads(run("explain", *IDS, "--json")[1])["cost"] == 0.006


def test_the_key_of_the_collector(run: Run, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start("", make_billed(1), key="ip-secret")

    needs = "the collector asks for its key: set INFRAPRISM_API_KEY\n"
    assert run("explain", *IDS) == (1, "", needs)
    assert run("recost", "--since", "2025-01-01") == (1, "", needs)
    monkeypatch.setenv("INFRAPRISM_API_KEY", "ip-secret")
    assert run("explain", *IDS)[0] == run("recost", "--since", "2025-01-01")[0] == 0


def test_what_is_no_call(run: Run, start: Start) -> None:
    start("")

    assert run("explain", *IDS) == (1, "", f"there is no call {'/'.join(IDS)}\n")
    assert run("explain", "x/y", IDS[1]) == (1, "", "trace_id must be 32 hexadecimal digits\n")
    assert run("explain", IDS[0], "") == (1, "", "span_id must be 16 hexadecimal digits\n")
    later = ("--since", "2025-01-02", "--until", "2025-01-01")
    assert run("recost", *later) == (1, "", "until must be later than since\n")


@pytest.mark.parametrize("command", [("explain", *IDS), ("recost", "--since", "2025-01-01")])
def test_a_collector_that_is_not_there(run: Run, command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

    assert run(*command, "--url", url) == (1, "", f"no collector answers at {url}: Connection refused\n")
    assert run(*command, "--url", "file:///etc") == (
        1,
        "",
        "no collector answers at file:///etc: it must begin with http:// or https://\n",
    )


def test_something_else_that_answers(run: Run) -> None:
    class Silent(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    code, _, errors = run("explain", *IDS, "--url", f"{url}/")
    server.shutdown()
    server.server_close()

    assert (code, errors) == (
        1,
        f"{url} answers 501 Unsupported method ('GET'): is it a collector?\n",
    )


def test_options_that_make_no_sense(run: Run) -> None:
    for options in ((), ("--since", "yesterday"), ("--since", "2025-01-01", "--entity", "/x")):
        assert run("recost", *options)[0] == 2
