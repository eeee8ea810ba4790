"""The sign-in of a browser."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from starlette.testclient import TestClient

from infraprism.collector.access import sign_in
from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store

OWN = {"Origin": "http://testserver"}


@pytest.fixture
def browser(store: Store) -> TestClient:
    return TestClient(create_app(store, api_key="ip-secret"), follow_redirects=False)


def signed_in(browser: TestClient, key: str = "ip-secret", target: str = "/") -> tuple[int, str | None]:
    answer = browser.post("/sign-in", data={"key": key, "next": target}, headers=OWN)
    return answer.status_code, answer.headers.get("location")


def test_a_cookie_stands_for_the_key_and_says_nothing_of_it(browser: TestClient) -> None:
    answer = browser.post("/sign-in", data={"key": " ip-secret ", "next": "/sessions?a=b"}, headers=OWN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions?a=b")
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "strict", "")
    assert "secret" not in answer.headers["set-cookie"]
    assert browser.get("/v1/status").status_code == 200


def test_under_https_the_cookie_never_goes_without(store: Store) -> None:
    browser = TestClient(create_app(store, api_key="ip-secret"), "https://testserver", follow_redirects=False)

    answer = browser.post("/sign-in", data={"key": "ip-secret"}, headers={"Origin": "https://testserver"})

    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["secure"] is True


def test_a_wrong_key_signs_nobody_in(browser: TestClient) -> None:
    assert signed_in(browser, "ip-wrong", "/a?b") == (303, "/sign-in?next=%2Fa%3Fb&wrong=true")
    assert not browser.cookies
    assert browser.get("/v1/status").status_code == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:x", "/a\r\nb", ""]
)
def test_it_leads_nowhere_else(browser: TestClient, target: str) -> None:
    assert signed_in(browser, target=target) == (303, "/")


def test_changes_ask_for_a_page_of_our_own(browser: TestClient) -> None:
    signed_in(browser)
    body = {"name": "ci", "scopes": ["ingest"]}

    assert browser.post("/v1/keys", json=body).status_code == 403
    assert browser.post("/v1/keys", json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    assert browser.post("/v1/keys", json=body, headers=OWN).status_code == 201


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}])
def test_another_site_signs_nobody_in_or_out(browser: TestClient, headers: dict[str, str]) -> None:
    assert browser.post("/sign-in", data={"key": "ip-secret"}, headers=headers).status_code == 403
    signed_in(browser)
    assert browser.post("/sign-out", headers=headers).status_code == 403
    assert browser.get("/v1/status").status_code == 200


def test_signing_out_ends_it_for_a_copy_of_the_cookie_too(browser: TestClient) -> None:
    signed_in(browser)
    copied = dict(browser.cookies)

    answer = browser.post("/sign-out", headers=OWN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert not browser.cookies
    browser.cookies.update(copied)
    assert browser.get("/v1/status").status_code == 401


def test_it_ends_with_its_key_and_with_its_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(store, api_key="ip-secret")
    browser = TestClient(app, follow_redirects=False)
    text, key = app.state.keyring.create("ada", ("read",))
    signed_in(browser, text)
    assert (browser.get("/v1/status").status_code, browser.get("/v1/keys").status_code) == (200, 403)

    app.state.keyring.revoke(key.id)
    assert browser.get("/v1/status").status_code == 401

    signed_in(browser)
    assert browser.get("/v1/status").status_code == 200
    monkeypatch.setattr(sign_in.time, "monotonic", lambda: 10.0**12)
    assert browser.get("/v1/status").status_code == 401


def test_a_key_in_the_header_is_what_counts(browser: TestClient) -> None:
    signed_in(browser)

    assert browser.get("/v1/status", headers={"Authorization": "Bearer ip-wrong"}).status_code == 401


def test_a_form_of_any_size_is_not_read(browser: TestClient) -> None:
    assert signed_in(browser, "x" * 20_000)[0] == 413
