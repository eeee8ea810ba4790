"""`infraprism prices`."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infraprism.cli.services import clean_environment
from infraprism.pricing import lists, load, newest, rates, version
from tests.cli.conftest import Run
from tests.support.prices import COMPLAINTS, MISTAKES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "prices.md").read_text()


def test_the_check_of_the_example_is_as_documented(run: Run, example: Path) -> None:
    [documented] = re.findall(r"^\$ infraprism prices check prices.toml\n(.*\n)", DOCUMENT, re.MULTILINE)
    assert run("prices", "check", "prices.toml") == (0, documented, "")


def test_the_check_of_the_mistakes_is_as_documented(run: Run, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(MISTAKES)
    assert run("prices", "check", "prices.toml") == (1, "", COMPLAINTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "nothing in it"),
        ("aliases = [{provider = 'x', name = 'a', model = 'b'}]", "1 alias"),
    ],
)
def test_the_check_counts_what_there_is(run: Run, tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    code, printed, _ = run("prices", "check", "p.toml")
    assert code == 0
    assert re.fullmatch(rf"p\.toml: {found} \(p\.toml [0-9a-f]{{12}}\)\n", printed)


def test_a_check_of_no_file(run: Run) -> None:
    assert run("prices", "check", "none.toml") == (
        1,
        "",
        "none.toml: cannot be read: No such file or directory\n",
    )


def test_the_rates_of_the_list(run: Run) -> None:
    assert run("prices", "show", "gpt-4o", "--batch", "--at", "2026-11-01") == (
        0,
        "  rate of          USD   per\n"
        " ──────────────────────────────────\n"
        "  input           1.25   1M tokens\n"
        "  cached_input    1.25   1M tokens\n"
        "  output             5   1M tokens\n"
        "  web_searches      10   1K\n"
        "  file_searches    2.5   1K\n"
        f"by {version()}, since 2026-10-14\n",
        "",
    )


def test_the_rates_of_ones_own(run: Run, example: Path) -> None:
    assert run("prices", "show", "gpt-5.4", "--at", "2026-11-01") == (
        0,
        "  rate of                   USD   per\n"
        " ───────────────────────────────────────────\n"
        "  input                    2.25   1M tokens\n"
        "    above 272,000 input     4.5   1M tokens\n"
        "  cached_input            0.225   1M tokens\n"
        "    above 272,000 input    0.45   1M tokens\n"
        "  output                   13.5   1M tokens\n"
        "    above 272,000 input   20.25   1M tokens\n"
        "  web_searches               10   1K\n"
        f"by {load(example).version}, since 2026-10-01\n",
        "",
    )


def test_a_time_of_day(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.toml").write_text(
        "name = 'a'\nprices = [{provider = 'x', model = 'm', audio_hours = 0.36, from = 2026-10-01T12:30:00}]"
    )
    monkeypatch.setenv("INFRAPRISM_PRICES", "p.toml")
    _, printed, _ = run("prices", "show", "m", "--provider", "x")
    assert printed.splitlines()[2].split() == ["audio_hours", "0.36", "hour"]
    assert re.fullmatch(r"by a [0-9a-f]{12}, since 2026-10-01T12:30:00Z", printed.splitlines()[3])


def test_what_costs_nothing(run: Run, example: Path) -> None:
    assert run("prices", "show", "embed-small", "--provider", "llm.internal") == (
        0,
        f"it costs nothing\nby {load(example).version}\n",
        "",
    )


def test_rates_that_nobody_knows(run: Run) -> None:
    assert run("prices", "show", "gpt-4o", "--tier", "scale", "--at", "2026-11-01") == (
        1,
        "",
        "no price is known for gpt-4o of openai at tier scale at 2026-11-01\n",
    )


def test_rates_by_a_file_that_cannot_be_used(run: Run, example: Path) -> None:
    example.write_text("[")
    code, printed, errors = run("prices", "show", "gpt-4o")
    assert (code, printed) == (1, "")
    assert errors.startswith("INFRAPRISM_PRICES cannot be used:\nprices.toml: line 1: not TOML: ")


def listed(**models: Any) -> bytes:
    """A price list of one provider, as genai-prices publishes it."""
    provider = {"id": "acme", "name": "Acme", "api_pattern": "https://acme\\.example"}
    provider["models"] = [
        {"id": name, "match": {"equals": name}, "prices": {"input_mtok": price}}
        for name, price in models.items()
    ]
    return json.dumps([provider]).encode()


class Server(HTTPServer):
    """Has the newest price list."""

    answer = (200, b"")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data.json"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server of the list; what is installed has three models."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.answer = (200, listed(same="1", dearer="1", gone="1"))
        installed = lists.PriceList(version(), lists.parse(server.answer[1], "").providers)
        monkeypatch.setattr(lists, "installed", lambda: installed)
        monkeypatch.setattr(rates, "_installed", None)
        monkeypatch.setattr(newest, "address", lambda: server.url)
        yield server
        server.shutdown()
        thread.join()


def test_the_newest_list_beside_the_installed_one(run: Run, server: Server) -> None:
    server.answer = (200, listed(same="1", dearer="2", new="1"))
    assert run("prices", "update") == (
        0,
        f"fetching {server.url}\n"
        "added    acme new\n"
        "changed  acme dearer\n"
        "removed  acme gone\n"
        f"beside {version()}, which is installed: 1 added, 1 changed, 1 removed\n"
        "nothing was changed: upgrade genai-prices to price by the newer list, or --save it, "
        "or put what you need into a file of your own\n",
        "",
    )


def test_there_is_nothing_new(run: Run, server: Server) -> None:
    assert run("prices", "update") == (
        0,
        f"fetching {server.url}\nbeside {version()}, which is installed: 0 added, 0 changed, 0 removed\n",
        "",
    )


def test_the_newest_list_is_kept_and_priced_by(
    run: Run, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = listed(same="1", dearer="2", new="1")
    named = f"list.json {hashlib.sha256(data).hexdigest()[:12]}"
    server.answer = (200, data)
    assert run("prices", "update", "--save", "list.json") == (
        0,
        f"fetching {server.url}\n"
        "added    acme new\n"
        "changed  acme dearer\n"
        "removed  acme gone\n"
        f"beside {version()}, which is installed: 1 added, 1 changed, 1 removed\n"
        f"saved as list.json ({named}): a file of your own prices that names it is priced by it\n",
        "",
    )
    assert (tmp_path / "list.json").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["list.json"]
    (tmp_path / "p.toml").write_text('name = "ours"\nlist = "list.json"\n')
    code, printed, _ = run("prices", "check", "p.toml")
    assert (code, printed.partition(" (")[0]) == (0, f"p.toml: the list {named}")
    shown = [run("prices", "show", "dearer", "--provider", "acme")[1]]
    monkeypatch.setenv("INFRAPRISM_PRICES", "p.toml")
    shown.append(run("prices", "show", "dearer", "--provider", "acme")[1])
    assert [text.split()[-7:] for text in shown] == [
        ["input", "1", "1M", "tokens", "by", *lists.installed().version.split()],
        ["input", "2", "1M", "tokens", "by", *named.split()],
    ]


def test_a_place_where_it_cannot_be_kept(run: Run, server: Server) -> None:
    server.answer = (200, listed(same="2"))
    code, _, errors = run("prices", "update", "--save", "nowhere/list.json")
    assert (code, errors) == (1, "nowhere/list.json cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    "answer", [(404, b""), (200, b""), (200, b"{}"), (200, b"[]"), (200, b'[{"id": 1}]')]
)
def test_what_is_no_list_is_one_line(run: Run, server: Server, answer: tuple[int, bytes]) -> None:
    server.answer = answer
    code, printed, errors = run("prices", "update")
    assert (code, printed) == (1, f"fetching {server.url}\n")
    assert re.fullmatch(r"the newest price list (cannot be had|is no price list): .+\n", errors)


def test_without_a_network_it_is_one_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "infraprism", "prices", "update"],
        env={**clean_environment(), "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert re.fullmatch(r"fetching https://\S+\n", result.stdout)
    assert re.fullmatch(r"the newest price list cannot be had: \w+: .+\n", result.stderr)
