"""Who answers: one table of hosts, and what a client says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI

from infraprism.openai.providers import Server, read_server, server_of
from tests.support.versions import from_client

SERVERS: dict[str, Server] = {
    "https://api.openai.com/v1": Server("openai", "api.openai.com", 443),
    "https://eu.api.openai.com/v1": Server("openai", "eu.api.openai.com", 443),
    "https://us.openai.azure.com/openai": Server("azure.ai.openai", "us.openai.azure.com", 443),
    "https://ours.azure-api.net/openai": Server("azure.ai.openai", "ours.azure-api.net", 443),
    "https://api.groq.com/openai/v1": Server("groq", "api.groq.com", 443),
    "https://api.deepseek.com": Server("deepseek", "api.deepseek.com", 443),
    "https://openrouter.ai/api/v1": Server("openrouter", "openrouter.ai", 443),
    "https://api.x.ai/v1": Server("x_ai", "api.x.ai", 443),
    "https://api.mistral.ai/v1": Server("mistral_ai", "api.mistral.ai", 443),
    "https://generativelanguage.googleapis.com/v1beta/openai/": Server(
        "gcp.gemini", "generativelanguage.googleapis.com", 443
    ),
    "https://us-central1-aiplatform.googleapis.com/v1": Server(
        "gcp.vertex_ai", "us-central1-aiplatform.googleapis.com", 443
    ),
    "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1": Server(
        "aws.bedrock", "bedrock-runtime.us-east-1.amazonaws.com", 443
    ),
    "https://bedrock-mantle.eu-west-1.api.aws/v1": Server(
        "aws.bedrock", "bedrock-mantle.eu-west-1.api.aws", 443
    ),
    "http://localhost:8000/v1": Server("localhost", "localhost", 8000),
    "http://[::1]:8000/v1": Server("::1", "::1", 8000),
    "https://openai.com.evil.example/v1": Server("openai.com.evil.example", "openai.com.evil.example", 443),
    "https://notopenai.com/v1": Server("notopenai.com", "notopenai.com", 443),
}


@pytest.mark.parametrize(("base_url", "server"), SERVERS.items())
def test_a_host_has_a_provider(base_url: str, server: Server) -> None:
    assert read_server(base_url) == server


def test_azure_is_azure_behind_any_host() -> None:
    options: Any = {"api_key": "k", "api_version": "2024-10-21", "base_url": "https://gateway.example/azure"}
    for kind in (AzureOpenAI, AsyncAzureOpenAI, type("Ours", (AzureOpenAI,), {})):
        assert server_of(kind(**options)).provider == "azure.ai.openai"


def test_the_clients_own_provider_of_bedrock_is_named() -> None:
    bedrock = from_client("openai.providers.bedrock")
    at_bedrock = OpenAI(provider=bedrock(region="us-east-1", api_key="k"))
    assert server_of(at_bedrock) == Server("aws.bedrock", "bedrock-mantle.us-east-1.api.aws", 443)
    behind = OpenAI(provider=bedrock(region="us-east-1", api_key="k", base_url="https://proxy.example"))
    assert server_of(behind) == Server("aws.bedrock", "proxy.example", 443)


def test_the_clients_own_provider_of_vertex_is_named() -> None:
    vertex = from_client("openai.providers.vertex")
    at_vertex = OpenAI(provider=vertex(project="p", location="us-central1", token_provider=lambda: "t"))
    assert server_of(at_vertex).provider == "gcp.vertex_ai"


def test_with_options_a_client_of_another_server_is_told_apart() -> None:
    client = OpenAI(api_key="k")
    other = client.with_options(base_url="https://api.groq.com/openai/v1")
    assert (server_of(client).provider, server_of(other).provider) == ("openai", "groq")
    client.base_url = "https://api.deepseek.com"  # type: ignore[assignment]
    assert server_of(client).provider == "deepseek"
