"""What differs between the versions of the client and of the SDK that are supported."""

from __future__ import annotations

import importlib
from typing import Any

import openai
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
