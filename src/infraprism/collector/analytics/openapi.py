"""The OpenAPI document, from the table by which parameters are read, and the routes that are served."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from infraprism import __version__
from infraprism.collector.access.scopes import required_by, scoped
from infraprism.collector.analytics.declared import Parameter
from infraprism.collector.analytics.operations import Operation
from infraprism.collector.wire import JSONAnswer

PATH: Final = "/openapi.json"
_CONVERTED: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_PROBLEM: Final = {
    "description": "What went wrong, as RFC 9457 has it",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "parameter": {"type": "string"},
                },
            }
        }
    },
}


def route(operations: Iterable[Operation], others: Iterable[BaseRoute]) -> BaseRoute:
    """`GET /openapi.json`, which anybody may read: it says what there is, and nothing of what is kept."""
    content = document(operations, others)

    async def answer(request: Request) -> JSONAnswer:
        return JSONAnswer(content)

    return scoped(Route(PATH, answer, methods=["GET"]), "open")


def document(operations: Iterable[Operation], others: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document. Of `others` it has paths, methods and scopes; docs/api.md says what they take."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})["get"] = {
            "summary": operation.summary,
            "parameters": [*_of_path(operation.path), *map(_parameter, operation.parameters)],
            "responses": {"200": {"description": "The answer"}, "default": _PROBLEM},
            "security": [{"key": ["read"]}],
        }
    for other in others:
        if not isinstance(other, Route):
            continue
        path = _CONVERTED.sub(r"{\1}", other.path)
        required = required_by(other)
        for method in sorted((other.methods or set()) - {"HEAD"}):
            paths.setdefault(path, {})[method.lower()] = {
                "summary": other.name,
                "parameters": _of_path(path),
                "responses": {"default": _PROBLEM},
                "security": [] if required == "open" else [{"key": [required]}],
            }
    return {
        "openapi": "3.1.0",
        "info": {"title": "InfraPrism", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _of_path(path: str) -> list[dict[str, Any]]:
    names = _CONVERTED.findall(path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameter(one: Parameter) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": f"{one.name}<key>" if one.is_prefix else one.name,
        "in": "query",
        "description": one.meaning,
        "schema": dict(one.kind.schema),
    }
    if one.default is not None:
        shown["schema"]["default"] = one.default if isinstance(one.default, int) else str(one.default)
    if one.repeats:
        shown |= {"schema": {"type": "array", "items": one.kind.schema, "uniqueItems": True}, "explode": True}
    return shown
