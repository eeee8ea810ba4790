"""The dashboard in a real Chromium. Screenshots of every page are written to `screenshots/` meanwhile."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from infraprism.collector.dashboard import periods
from tests.collector.dashboard.conftest import Collector
from tests.collector.dashboard.test_pages import ACME
from tests.support.conversations import HOSTILE, send, spans_of
from tests.support.otlp import SECOND

SCREENSHOTS = Path(__file__).parents[3] / "screenshots"
INSTALLED = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: How the pages are looked at: width, colour scheme.
LOOKS: dict[str, Any] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 400, "height": 800}, "color_scheme": "light"},
}
#: What a page shows of new sessions, and how soon, in milliseconds.
SOON = 2_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            # As root, in a container, there is no sandbox to be had.
            browser = playwright.chromium.launch(executable_path=INSTALLED, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium is here (apt-get install chromium): {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, collector: Collector) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=collector.url, timezone_id="Europe/Berlin", **LOOKS["light"])
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose console must stay silent: a refusal by the content security policy is told there."""
    page, told = context.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    yield page
    assert told == []


def addresses(collector: Collector, page: Page) -> dict[str, str]:
    """Every page, by the name of its screenshot."""
    page.goto("/sessions?sort=call_count&entity_type=customer")
    session = page.locator("tbody tr th a").first.get_attribute("href")
    page.goto(str(session))
    call = page.locator("#calls tbody tr th a").first.get_attribute("href")
    return {
        "overview": "/",
        "sessions": "/sessions",
        "session": str(session),
        "call": str(call),
        "entity": ACME,
        "metrics": "/session-metrics",
        "prices": "/prices",
        "sign-in": "/sign-in",
    }


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(browser: Browser, collector: Collector, look: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    context = browser.new_context(base_url=collector.url, timezone_id="Europe/Berlin", **LOOKS[look])
    page, axe = context.new_page(), Axe()
    found: dict[str, Any] = {}
    for name, address in addresses(collector, page).items():
        page.goto(address)
        page.wait_for_load_state("networkidle") if name != "sessions" else page.wait_for_timeout(300)
        page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png", full_page=True)
        violations = axe.run(page).response["violations"]
        found |= {
            f"{name}: {one['id']}": one["nodes"][0]["html"]
            for one in violations
            if one["impact"] in ("serious", "critical")
        }
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
    context.close()
    assert found == {}


def test_the_dearest_session_of_a_customer_is_two_clicks_away(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="customer/acme-corp").first.click()
    page.locator("tbody tr th a").first.click()

    expect(page.get_by_text("which is its total to the last digit")).to_be_visible()
    shown = page.locator("h1").inner_text()
    dearest = page.request.get(
        "/v1/analytics/sessions?entity_type=customer&entity_id=acme-corp&sort=total_cost&limit=1"
    )
    assert shown == dearest.json()["data"][0]["session_id"]


def test_sort_filter_page_go_back_and_reload(page: Page) -> None:
    def first() -> str:
        return page.locator("tbody tr th a").first.inner_text()

    page.goto("/sessions")
    page.get_by_role("link", name="Cost", exact=True).click()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Cost")
    dearest = first()
    page.get_by_label("Entity type").fill("customer")
    page.get_by_label("Tag (key=value)").fill("feature=agent")
    page.get_by_role("button", name="Show").click()
    assert "sort=total_cost" in page.url
    page.goto("/sessions?sort=total_cost")
    page.get_by_role("link", name="Next page").click()
    second = first()
    assert second != dearest
    page.reload()
    assert first() == second
    page.go_back()
    assert first() == dearest
    page.get_by_role("link", name="Cost", exact=True).click()
    assert page.locator("th[aria-sort=ascending]").count() == 1


def test_a_new_session_appears_soon_and_the_place_is_kept(page: Page, collector: Collector) -> None:
    page.goto("/sessions")
    expect(page.get_by_label("Show new sessions as they arrive")).to_be_checked()
    row = page.locator("tbody tr").nth(30)
    link = row.locator("th a").first
    link.focus()
    name, before = link.inner_text(), row.bounding_box()
    page.wait_for_timeout(1_500)

    sent = time.monotonic()
    send(
        collector.store,
        *spans_of("just-now", ("customer", "new"), time.time_ns() - 9 * SECOND, 1, seed=7_000),
    )
    page.get_by_role("link", name="just-now").wait_for(timeout=SOON * 5)
    took = (time.monotonic() - sent) * 1000

    focused = page.evaluate("document.activeElement.textContent")
    after = page.get_by_role("link", name=name, exact=True).locator("xpath=ancestor::tr").bounding_box()
    assert focused == name
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 3
    assert took < SOON
    page.get_by_label("Show new sessions as they arrive").uncheck()
    send(collector.store, *spans_of("unseen", ("customer", "new"), time.time_ns(), 1, seed=7_001))
    page.wait_for_timeout(SOON)
    assert page.get_by_role("link", name="unseen").count() == 0


def test_the_first_session_ever_appears_by_itself(browser: Browser, empty_collector: Collector) -> None:
    page = browser.new_page(base_url=empty_collector.url)
    page.goto("/sessions")
    expect(page.get_by_text("No session has arrived yet")).to_be_visible()
    send(empty_collector.store, *spans_of("first", ("customer", "new"), time.time_ns() - SECOND, 1, seed=1))
    page.get_by_role("link", name="first", exact=True).wait_for(timeout=SOON * 5)
    page.close()


def test_without_javascript_all_is_there_in_utc(browser: Browser, collector: Collector) -> None:
    context = browser.new_context(base_url=collector.url, java_script_enabled=False, timezone_id="Asia/Tokyo")
    page = context.new_page()
    for name, address in addresses(collector, page).items():
        page.goto(address)
        assert page.locator("h1").count() == 1, name
        assert "Times are in UTC." in page.locator("footer").inner_text()
    page.goto("/")
    assert page.locator("svg.pygal-chart").count() == 2
    page.get_by_text("Spend over time: the numbers").click()
    assert page.locator("details[open] tbody tr").count() == 30
    page.goto("/sessions")
    assert page.locator("#live").is_hidden()
    context.close()


def test_times_are_the_visitors_and_the_address_can_name_another_zone(page: Page) -> None:
    page.goto("/sessions")
    page.wait_for_function("document.documentElement.dataset.zone === 'Europe/Berlin'")
    assert re.search(r"\d\d:\d\d CES?T$", page.locator("tbody time").first.inner_text())
    page.goto("/sessions?time_zone=Asia/Tokyo")
    assert page.locator("tbody time").first.inner_text().endswith(" JST")
    page.get_by_role("link", name="Overview").click()
    assert "time_zone=Asia%2FTokyo" in page.url


def test_a_zone_that_the_collector_does_not_know_is_told_once(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periods, "_zone", lambda name: None)
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    page.goto("/prices")
    page.wait_for_timeout(1500)

    assert len(loads) <= 2
    assert page.locator("html").get_attribute("data-zone") == "UTC"


def test_all_is_reached_by_the_keyboard(page: Page) -> None:
    page.goto("/sessions")
    page.wait_for_timeout(500)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("(one => one.name || one.id || one.textContent.trim())(document.activeElement)")
        )
    assert {"session_id", "has_errors", "Show", "live", "Cost"} <= reached
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_from_outside_runs(page: Page, name: str) -> None:
    for address in ("/", "/sessions", "/session-metrics"):
        page.goto(address)
        assert "owned" not in page.title()
    page.goto("/sessions")
    # The control that turns the direction of a text is in it, and stays in it.
    link = page.locator("tbody tr th > a").filter(has_text=name).first
    link.click()
    assert page.locator("h1").evaluate("one => one.textContent") == name
    assert "owned" not in page.title().replace(name, "")


def test_it_prints_without_what_only_a_screen_needs(page: Page) -> None:
    page.goto(ACME)
    page.wait_for_timeout(500)
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    assert [page.locator(one).first.is_visible() for one in ("header nav", "form", "footer nav")] == [
        False
    ] * 3
    assert page.pdf().startswith(b"%PDF")


def test_a_person_signs_in_and_out(browser: Browser, locked_collector: Collector) -> None:
    context = browser.new_context(base_url=locked_collector.url)
    page = context.new_page()
    page.goto("/prices")
    page.get_by_label("API key").fill("ip-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This key is not known, or was revoked.")).to_be_visible()
    page.get_by_label("API key").fill("ip-secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Prices")).to_be_visible()
    [cookie] = [one for one in context.cookies() if one["name"] == "infraprism_session"]
    assert (cookie["httpOnly"], cookie["sameSite"], "ip-secret" in cookie["value"]) == (True, "Strict", False)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    context.close()
