"""Who may ask what: every route that there is, from the router's own list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from infraprism.collector import app as collector
from infraprism.collector.access.scopes import SCOPES, UndeclaredError, required_by
from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store

#: What each kind of key may ask for.
ALLOWED = {"ingest": {"ingest"}, "read": {"read"}, "admin": {"read", "admin"}}


def asks(route: BaseRoute) -> Iterator[tuple[str, str]]:
    """Method and path of requests that the route answers."""
    if isinstance(route, Mount):
        yield "GET", f"{route.path}/x"
        return
    assert isinstance(route, Route)
    path = route.path
    for name in route.param_convertors:
        kind = ":any_text" if f"{{{name}:any_text}}" in path else ""
        path = path.replace(f"{{{name}{kind}}}", "x")
    for method in sorted((route.methods or set()) - {"HEAD"}):
        yield method, path


def test_every_route_answers_only_to_keys_with_its_scope(tmp_path: Path) -> None:
    store = Store(tmp_path / "test.duckdb")
    try:
        app = create_app(store, api_key="ip-all")
        client = TestClient(app, raise_server_exceptions=False)
        keys = {scope: app.state.keyring.create(scope, (scope,))[0] for scope in SCOPES}
        revoked_text, revoked = app.state.keyring.create("revoked", SCOPES)
        app.state.keyring.revoke(revoked.id)

        asked = 0
        for route in app.routes:
            required = required_by(route)
            for method, path in asks(route):
                asked += 1

                def status(key: str | None, method: str = method, path: str = path) -> int:
                    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
                    if key is None and path in ("/sign-in", "/sign-out"):
                        headers["Origin"] = "http://testserver"
                    return client.request(method, path, headers=headers, follow_redirects=False).status_code

                if required == "open":
                    assert status(None) not in (403, 404, 405), (method, path)
                    continue
                for key in (None, "", "ip-wrong", revoked_text):
                    assert status(key) == 401, (method, path, key)
                for scope, key in keys.items():
                    assert (status(key) == 403) is (required not in ALLOWED[scope]), (method, path, scope)
                assert status("ip-all") not in (401, 403), (method, path)
    finally:
        store.close()
    assert asked >= 15


def test_a_route_without_a_scope_is_never_served(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(request: Request) -> Response:
        return Response()

    monkeypatch.setattr(collector.keys_api, "routes", lambda keyring: [Route("/new", nothing)])

    with pytest.raises(UndeclaredError, match="declares no scope"):
        create_app(store)


@pytest.mark.parametrize("path", ["/nothing", "/v1/traces", "/v1/keys/x/y"])
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ip-wrong", "Basic ip-key", "ip-key", "Bearer ü"]
)
def test_what_is_not_there_is_told_to_holders_of_keys_only(
    store: Store, path: str, authorization: str | None
) -> None:
    client = TestClient(create_app(store, api_key="ip-key"))

    answer = client.get(
        path, headers={"Authorization": authorization.encode()} if authorization is not None else {}
    )

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    for scheme in ("Bearer", "bearer"):
        assert client.get(path, headers={"Authorization": f"{scheme} ip-key"}).status_code in (404, 405)


def test_without_any_key_everything_is_open_until_there_is_one(store: Store) -> None:
    app = create_app(store)
    client = TestClient(app)
    assert client.get("/v1/status").status_code == 200

    text, key = app.state.keyring.create("first", ("admin",))
    assert client.get("/v1/status").status_code == 401
    assert client.get("/v1/status", headers={"Authorization": f"Bearer {text}"}).status_code == 200

    app.state.keyring.revoke(key.id)
    assert client.get("/v1/status", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    assert client.get("/v1/status").status_code == 401


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Origin": "http://testserver"}, 415),
        ("POST", {}, 415),
        ("GET", {"Origin": "http://evil.example"}, 200),
    ],
)
def test_a_page_of_another_site_changes_nothing_in_an_open_collector(
    store: Store, method: str, headers: dict[str, str], status: int
) -> None:
    client = TestClient(create_app(store))

    assert client.request(method, "/v1/keys", headers=headers).status_code == status
