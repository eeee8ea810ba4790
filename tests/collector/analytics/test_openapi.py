"""The OpenAPI document says what the routes take."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.dashboard import routes as dashboard
from infraprism.collector.store.embedded import Store


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def test_every_route_is_in_it(store: Store, document: dict[str, Any]) -> None:
    served = {
        (route.path.replace(":any_text", ""), method.lower())
        for route in create_app(store).routes
        if isinstance(route, Route) and "{rest" not in route.path
        for method in (route.methods or set()) - {"HEAD"}
    }
    shown = {(path, method) for path, methods in document["paths"].items() for method in methods}

    assert len(served) > 15
    pages = {(route.path, "get") for route in dashboard.routes() if isinstance(route, Route)}
    assert served - shown == {("/openapi.json", "get"), *pages}


def test_its_parameters_are_the_ones_that_are_read(client: TestClient, document: dict[str, Any]) -> None:
    asked = 0
    for path, methods in document["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] != "query":
                continue
            asked += 1
            wrong = client.get(path.replace("{session_id}", "s"), params={parameter["name"]: "\x00nothing"})
            # A known parameter is refused for its value, or taken as a text that nothing has.
            assert "there is no parameter" not in wrong.text, (path, parameter["name"])
            if "enum" in parameter["schema"]:
                assert all(word in wrong.json()["detail"] for word in parameter["schema"]["enum"])
    assert asked > 80


def test_unknown_parameters_are_refused_everywhere(client: TestClient, document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        if path.startswith("/v1/analytics") and "summary" in methods.get("get", {}) and "{ids}" not in path:
            answer = client.get(path.replace("{session_id}", "s"), params={"colour": "red"})
            assert (answer.status_code, answer.json()["parameter"]) == (400, "colour"), path
