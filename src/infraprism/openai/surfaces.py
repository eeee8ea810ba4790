"""The methods of the `openai` client that are instrumented: one row each.

A row serves the method of the sync and of the async resource (``Completions`` and ``AsyncCompletions``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infraprism import semconv
from infraprism.openai import request as requests
from infraprism.openai import response as replies


@dataclass(frozen=True, slots=True, eq=False)  # hashed at every call, by identity
class Surface:
    """How to instrument one method."""

    #: The module that defines the resource, the resource's class, the method.
    module: str
    resource: str
    method: str
    operation: str
    #: `openai.api.type`, where the conventions name one.
    api_type: str | None
    #: Which keyword arguments are request attributes.
    request: requests.Table
    #: Reads a whole response, or one chunk of a stream, into the reply.
    response: Callable[[Any, replies.Reply], None]
    chunk: Callable[[Any, replies.Reply], None]


@dataclass(frozen=True, slots=True)
class Helper:
    """A method that calls an instrumented one later; it only hands on the session arguments."""

    module: str
    resource: str
    method: str


_CHAT_MODULE = "openai.resources.chat.completions.completions"
#: Has ``parse`` and ``stream`` of chat completions up to openai 1.91.
_BETA_CHAT_MODULE = "openai.resources.beta.chat.completions"
_RESPONSES_MODULE = "openai.resources.responses.responses"


def _chat(method: str, module: str = _CHAT_MODULE) -> Surface:
    return Surface(
        module,
        "Completions",
        method,
        semconv.OPERATION_CHAT,
        "chat_completions",
        requests.CHAT,
        replies.chat,
        replies.chat,
    )


def _responses(method: str) -> Surface:
    return Surface(
        _RESPONSES_MODULE,
        "Responses",
        method,
        semconv.OPERATION_CHAT,
        "responses",
        requests.RESPONSES,
        replies.response,
        replies.response_event,
    )


SURFACES: tuple[Surface, ...] = (
    _chat("create"),
    _chat("parse"),
    _chat("parse", _BETA_CHAT_MODULE),
    _responses("create"),
    _responses("parse"),
    Surface(
        "openai.resources.embeddings",
        "Embeddings",
        "create",
        semconv.OPERATION_EMBEDDINGS,
        None,
        requests.EMBEDDINGS,
        replies.embedding,
        replies.embedding,
    ),
)

HELPERS: tuple[Helper, ...] = (
    Helper(_CHAT_MODULE, "Completions", "stream"),
    Helper(_BETA_CHAT_MODULE, "Completions", "stream"),
    Helper(_RESPONSES_MODULE, "Responses", "stream"),
)
