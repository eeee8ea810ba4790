"""The pages as a browser without JavaScript gets them: real requests to a real collector."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import html5lib
import httpx2
import pytest
from starlette.routing import Route

from infraprism.collector.dashboard.routes import routes
from tests.collector.dashboard.conftest import Collector
from tests.support.conversations import HOSTILE, send, spans_of
from tests.support.otlp import SECOND

PAGES = ("/", "/sessions", "/session-metrics", "/prices", "/sign-in")
ACME = "/entity?entity_type=customer&entity_id=acme-corp"


@pytest.fixture
def http(collector: Collector) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=collector.url, trust_env=False) as client:
        yield client


def parsed(answer: httpx2.Response) -> Any:
    """The page as a tree; any fault of its HTML raises."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)


def text_of(tree: Any) -> str:
    return " ".join("".join(tree.itertext()).split())


def session_address(session_id: str, kind: str = "customer", entity: str = "") -> str:
    return "/session?" + urlencode({"session_id": session_id, "entity_type": kind, "entity_id": entity})


@pytest.mark.parametrize(
    "path", [*PAGES, ACME, "/session?session_id=nothing", "/call?trace_id=x", "/sessions?min_cost=much"]
)
def test_every_page_is_valid_html_under_a_strict_policy(http: httpx2.Client, path: str) -> None:
    answer = http.get(path)

    tree = parsed(answer)
    assert tree.find("./head/title").text.endswith(" · InfraPrism")
    assert len(tree.findall(".//h1")) == 1
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self'"
    )
    assert answer.headers["cache-control"] == "no-store"
    assert all(
        script.get("src", "").startswith("/static/") and not script.text for script in tree.iter("script")
    )
    assert not list(tree.iter("style"))
    assert [
        node.tag
        for node in tree.iter()
        if "style" in node.attrib or any(name.startswith("on") for name in node.attrib)
    ] == []
    addresses = [
        node.get(name) for node in tree.iter() for name in ("src", "href", "action") if node.get(name)
    ]
    # Nothing is fetched from elsewhere: it works on a machine without a network.
    assert all(
        one.startswith(("/", "#", "http://tracing.example/")) and not one.startswith("//")
        for one in addresses
    )


@pytest.mark.parametrize("path", [*PAGES, ACME, "/sessions?sort=total_cost&order=asc"])
def test_every_link_of_a_page_is_answered(http: httpx2.Client, path: str) -> None:
    tree = parsed(http.get(path))
    links = {
        node.get("href").partition("#")[0] for node in tree.iter("a") if node.get("href").startswith("/")
    }
    twins = {link for link in links if link.startswith("/v1/")}

    assert twins or path == "/sign-in"
    wrong = [link for link in links if http.get(link).status_code != 200]
    assert wrong == []


def test_a_page_changes_nothing(http: httpx2.Client) -> None:
    assert all(isinstance(route, Route) and route.methods == {"GET", "HEAD"} for route in routes())
    assert http.post("/sessions").status_code == 405


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_outside_are_shown_as_text(http: httpx2.Client, name: str) -> None:
    for path in (
        "/sessions?" + urlencode({"session_id": name}),
        session_address(name, entity=name),
        "/entity?" + urlencode({"entity_type": "customer", "entity_id": name}),
    ):
        answer = http.get(path)
        tree = parsed(answer)
        assert answer.status_code == 200, path
        assert " ".join(name.split()) in text_of(tree.find("body/main"))
        assert len(list(tree.iter("script"))) == 1
        assert not list(tree.iter("img"))
    # What the page links to is that very session.
    listed = parsed(http.get("/sessions?" + urlencode({"session_id": name})))
    [link] = [a for a in listed.find("body/main").iter("a") if a.get("href").startswith("/session?")]
    assert http.get(link.get("href")).status_code == 200


def test_the_total_of_a_session_is_shown_to_be_the_sum_of_its_calls(http: httpx2.Client) -> None:
    sessions = http.get("/v1/analytics/sessions?limit=20&sort=call_count").json()["data"]
    for row in sessions:
        address = session_address(row["session_id"], row["entity_type"] or "", row["entity_id"] or "")
        tree = parsed(http.get(address))
        amounts = [Decimal(node.get("value")) for node in tree.findall(".//tbody/tr/td/data[@class='money']")]
        [total] = [Decimal(node.get("value")) for node in tree.findall(".//tfoot//data")]
        found = text_of(tree)
        assert f"{row['call_count']} call" in found
        assert "which is its total to the last digit" in found
        parts = tree.find(".//table[@class='narrow']/tbody")
        assert sum(Decimal(node.get("value")) for node in parts.iter("data")) == total
        assert len(amounts) >= len(parts)
        assert ("not known and not in it" in found) == (row["unpriced_calls"] > 0)


def test_a_session_of_two_entities_asks_which(http: httpx2.Client, collector: Collector) -> None:
    now = time.time_ns() - 3600 * SECOND
    for number, entity in enumerate((("customer", "one"), ("customer", "two"))):
        send(collector.store, *spans_of("shared", entity, now, 1, seed=5_000 + number))

    answer = http.get("/session?session_id=shared")

    assert answer.status_code == 409
    choices = parsed(answer).findall(".//ul[@class='choices']//a")
    assert [text_of(one) for one in choices] == ["customer/one", "customer/two"]
    assert [http.get(one.get("href")).status_code for one in choices] == [200, 200]


def test_pages_follow_one_another_and_none_is_shown_twice(http: httpx2.Client) -> None:
    address, seen = "/sessions?sort=total_cost&order=asc", []
    while address:
        tree = parsed(http.get(address))
        seen += [a.get("href") for a in tree.findall(".//tbody/tr/th/a")]
        [*following] = [a.get("href") for a in tree.iter("a") if a.get("rel") == "next"]
        address = following[0] if following else ""
    total = http.get("/v1/analytics/sessions?limit=1000").json()["data"]
    assert len(seen) == len(set(seen)) == len(total) > 100


def test_a_parameter_that_is_wrong_is_told_in_words(http: httpx2.Client) -> None:
    answer = http.get("/sessions?min_cost=much")
    assert answer.status_code == 400
    assert "min_cost must be" in text_of(parsed(answer))


def test_the_first_call_is_explained_where_there_is_none(empty_collector: Collector) -> None:
    for path in ("/", "/sessions"):
        answer = httpx2.get(empty_collector.url + path, trust_env=False)
        found = unescape(answer.text)
        parsed(answer)
        assert "No session has arrived yet" in found
        for line in (
            "pip install 'infraprism[openai,sdk]'\n",
            "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n",
            "opentelemetry-instrument python app.py<",
        ):
            assert line in found


def test_what_was_said_is_shown_only_where_it_was_recorded(http: httpx2.Client) -> None:
    said = parsed(http.get(session_address("conv-1", *entity_of(http, "conv-1"))))
    assert "What is <b>bold</b>?" in text_of(said)
    silent = parsed(http.get(session_address(HOSTILE[6], entity=HOSTILE[6])))
    assert "What was said" not in text_of(silent)


def entity_of(http: httpx2.Client, session_id: str) -> tuple[str, str]:
    row = http.get("/v1/analytics/sessions", params={"session_id": session_id, "sort": "started_at"}).json()[
        "data"
    ]
    [found] = [one for one in row if one["session_id"] == session_id]
    return found["entity_type"] or "", found["entity_id"] or ""


def test_a_trace_is_linked_in_the_users_backend(http: httpx2.Client) -> None:
    row = http.get("/v1/analytics/sessions?limit=1").json()["data"][0]
    page = http.get(session_address(row["session_id"], row["entity_type"], row["entity_id"] or ""))
    assert re.search(r'href="http://tracing.example/trace/[0-9a-f]{32}"', page.text)


def test_without_a_key_a_visitor_is_sent_to_sign_in_and_back(locked_collector: Collector) -> None:
    with httpx2.Client(base_url=locked_collector.url, trust_env=False) as http:
        address = "/sessions?model=a%26b"
        for path in (
            "/",
            address,
            "/session-metrics",
            "/prices",
            ACME,
            "/session?session_id=a",
            "/call?trace_id=a",
        ):
            answer = http.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"] == f"/sign-in?next={quote(path, safe='')}"
        form = parsed(http.get(answer.headers["location"])).find(".//form[@class='sign-in']")
        assert form.get("method") == "post"
        own = {"Origin": locked_collector.url}
        refused = http.post(
            "/sign-in", data={"key": "ip-wrong", "next": address}, headers=own, follow_redirects=True
        )
        assert "This key is not known" in text_of(parsed(refused))
        assert 'value="/sessions?model=a&amp;b"' in refused.text or quote("a&b") in refused.text
        signed_in = http.post("/sign-in", data={"key": "ip-secret", "next": address}, headers=own)
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, address)
        assert http.get(address).status_code == 200
        assert "Sign out" in http.get("/").text
        http.post("/sign-out", headers=own)
        assert http.get("/").status_code == 303
        # A key in the header is as good.
        assert http.get("/", headers={"Authorization": "Bearer ip-secret"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/sessions", 100_000),
        (session_address("conv-1"), 100_000),
        ("/prices", 100_000),
        ("/", 1_500_000),
        ("/session-metrics", 1_500_000),
        (ACME, 1_500_000),
    ],
)
def test_a_page_is_small_on_the_wire(http: httpx2.Client, path: str, most: int) -> None:
    page = http.get(path)
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(files) == 3
    sizes = [len(gzip.compress(one.content)) for one in (page, *map(http.get, files))]
    assert page.headers["content-encoding"] == "gzip"
    assert sum(sizes) < most
    # The answer is no larger where a browser cannot decompress it than the limit of a page.
    assert len(page.content) < most


def test_a_file_is_kept_by_the_browser_until_it_changes(http: httpx2.Client) -> None:
    [address] = re.findall(r'href="(/static/style[^"]+)"', http.get("/sign-in").text)
    assert "immutable" in http.get(address).headers["cache-control"]
    assert http.get("/static/other.css").status_code == 404


def test_a_session_of_20000_calls_opens_at_once(http: httpx2.Client, collector: Collector) -> None:
    start = time.time_ns() - 20 * 86_400 * SECOND
    spans = list(spans_of("long", ("customer", "long"), start, 20_000, seed=900))
    for first in range(0, len(spans), 5_000):
        send(collector.store, *spans[first : first + 5_000])
    address = session_address("long", "customer", "long")
    http.get(address)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        answer = http.get(address)
        times.append(time.perf_counter() - began)
    tree = parsed(answer)
    assert "20,000 calls" in text_of(tree)
    assert len(tree.findall(".//section[@id='calls']//tbody/tr")) == 50
    # The best of five: what the page takes, and not what else the machine does.
    assert min(times) < 0.3
    [link] = [a for a in tree.iter("a") if "add_up=all" in a.get("href")]
    assert "which is its total to the last digit" in text_of(parsed(http.get(link.get("href"))))
