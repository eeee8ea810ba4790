"""What differs between the versions of the client and of the SDK that are supported."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import SpanProcessor

#: Major and minor version of the client.
OPENAI = tuple(int(part) for part in openai.__version__.split(".")[:2])

#: The HTTP library that the client is built on: httpx2, or before version 3 httpx. What is used, both have.
http: Any = importlib.import_module(openai.DefaultHttpxClient.__bases__[0].__module__)

#: Whether processors are told of a span before the first exporter sees it: since SDK 1.40.
ENDING_IS_TOLD = hasattr(SpanProcessor, "_on_ending")


def chat_helpers(client: Any) -> Any:
    """The resource with ``parse`` and ``stream`` of chat completions; beta up to openai 1.91."""
    completions = client.chat.completions
    return completions if hasattr(completions, "parse") else client.beta.chat.completions


def realtime(client: Any) -> Any:
    """The resource that connects to the Realtime API; only beta in old clients."""
    return client.realtime if HAS_REALTIME else client.beta.realtime


def connection_types() -> Any:
    """The module with the types of its connections."""
    beta = "" if HAS_REALTIME else "beta."
    return importlib.import_module(f"openai.resources.{beta}realtime.realtime")


def has(method: str, *arguments: str) -> bool:
    """Whether the client has a method (as ``responses.cancel``) that takes these arguments."""
    found: Any = _client
    for name in method.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Callable):
        return False
    return not arguments or set(arguments) <= set(inspect.signature(found).parameters)


def needs(method: str, *arguments: str) -> pytest.MarkDecorator:
    """For a test that is skipped where the client lacks this method, or an argument of it."""
    what = f"{method}({', '.join(arguments)})" if arguments else method
    return pytest.mark.skipif(not has(method, *arguments), reason=f"this client has no {what}")


def from_client(path: str) -> Any:
    """What the client has under a path as ``openai.types.Batch``; skips the test where it has nothing."""
    module, _, name = path.rpartition(".")
    found = getattr(pytest.importorskip(module, reason=f"this client has no {path}"), name, None)
    return found if found is not None else pytest.skip(f"this client has no {path}")


_client = openai.OpenAI(api_key="-")
#: Whether the Realtime API is there outside of beta, with the names that its events have got there.
HAS_REALTIME = has("realtime.connect")
#: For tests of connections that hand their events to handlers.
dispatches = pytest.mark.skipif(
    not hasattr(connection_types().RealtimeConnection, "dispatch_events"),
    reason="the connections of this client have no `dispatch_events`",
)
