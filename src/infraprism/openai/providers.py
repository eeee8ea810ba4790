"""Who answers: provider name and server of a client, from its class and base URL."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

#: Host, or domain a host lies in → OpenTelemetry's provider name. The longest match wins.
_PROVIDERS = {
    "openai.com": "openai",
    "azure-api.net": "azure.ai.openai",
    "openai.azure.cn": "azure.ai.openai",
    "openai.azure.com": "azure.ai.openai",
    "openai.azure.us": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "amazonaws.com": "aws.bedrock",
    "amazonaws.com.cn": "aws.bedrock",
    "api.aws": "aws.bedrock",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.novita.ai": "novita",
    "api.perplexity.ai": "perplexity",
    "api.together.ai": "together",
    "api.together.xyz": "together",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "googleapis.com": "gcp.vertex_ai",
    "ibm.com": "ibm.watsonx.ai",
    "openrouter.ai": "openrouter",
}
#: The client's own providers → OpenTelemetry's name.
_RUNTIMES = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}


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
    server = read_server(str(base_url), provider=_named(client))
    _servers[client] = (base_url, server)
    return server


def _named(client: Any) -> str | None:
    """The provider that a client names by itself, wherever it sends to."""
    runtime = getattr(client, "_provider_runtime", None)
    if runtime is not None:
        return _RUNTIMES.get(getattr(runtime, "name", ""))
    names = [base.__name__ for base in type(client).__mro__]
    if "BaseAzureClient" in names:
        return "azure.ai.openai"
    return "aws.bedrock" if any(name.endswith("BedrockOpenAI") for name in names) else None


def read_server(base_url: str, *, provider: str | None = None) -> Server:
    """The server behind a base URL. An unknown host's provider is named by the host, never ``openai``.

    `provider`: where it is known by other means.
    """
    url = urlsplit(base_url)
    host = url.hostname
    if not host:
        return _UNKNOWN
    port = url.port or (80 if url.scheme == "http" else 443)
    if provider is not None:
        return Server(provider, host, port)
    labels = host.split(".")
    for start in range(len(labels)):
        name = _PROVIDERS.get(".".join(labels[start:]))
        if name is not None:
            return Server(name, host, port)
    return Server(host, host, port)
