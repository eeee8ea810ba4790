"""Who answers: provider name and server of a client, from its class and base URL."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

#: Host, or domain a host lies in → OpenTelemetry's provider name. The longest match wins.
_PROVIDERS = {
    "openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "openrouter.ai": "openrouter",
}


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a client talks to."""

    provider: str
    address: str
    port: int


_UNKNOWN = Server("openai", "", 0)
_servers: weakref.WeakKeyDictionary[Any, tuple[object, Server]] = weakref.WeakKeyDictionary()


def server_of(client: Any) -> Server:
    """The server of an `openai` client, remembered for as long as its base URL stays the same."""
    base_url = getattr(client, "_base_url", None)
    remembered = _servers.get(client)
    if remembered is not None and remembered[0] is base_url:
        return remembered[1]
    server = read_server(str(base_url), azure="Azure" in type(client).__name__)
    _servers[client] = (base_url, server)
    return server


def read_server(base_url: str, *, azure: bool = False) -> Server:
    """The server behind a base URL. An unknown host's provider is named by the host, never ``openai``."""
    url = urlsplit(base_url)
    host = url.hostname
    if not host:
        return _UNKNOWN
    port = url.port or (80 if url.scheme == "http" else 443)
    if azure:
        return Server("azure.ai.openai", host, port)
    labels = host.split(".")
    for start in range(len(labels)):
        name = _PROVIDERS.get(".".join(labels[start:]))
        if name is not None:
            return Server(name, host, port)
    return Server(host, host, port)
