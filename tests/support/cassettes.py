"""Recorded exchanges with OpenAI's API, replayed through the real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from openai import AsyncOpenAI, OpenAI

from tests.support.versions import http

FOLDER = Path(__file__).parents[2].parent / "shared" / "cassettes"
SKIPPED = f"there are no recorded exchanges in {FOLDER}"
_METHODS = {"/v1/chat/completions": "chat", "/v1/responses": "responses", "/v1/embeddings": "embeddings"}


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    name: str
    #: ``chat``, ``responses`` or ``embeddings``.
    surface: str
    request: dict[str, Any]
    status: int
    headers: list[tuple[str, str]]
    body: str

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The JSON objects of the answer: one, or the events of a stream."""
        if not self.request.get("stream"):
            return [json.loads(self.body)]
        lines = [line.removeprefix("data: ") for line in self.body.splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    def reported(self, name: str) -> Any:
        """The last value of this name in the answer; events of a response carry it inside of one."""
        found = None
        for answer in self.answers:
            value = answer.get("response", answer).get(name)
            found = found if value is None else value
        return found

    @property
    def failed(self) -> bool:
        """Whether the API refused the request."""
        return self.status >= 400

    def _transport(self) -> http.MockTransport:
        def answer(request: http.Request) -> http.Response:
            assert request.url.path.endswith(self.surface if self.surface != "chat" else "chat/completions")
            return http.Response(self.status, headers=self.headers, content=self.body.encode())

        return http.MockTransport(answer)

    def client(self) -> OpenAI:
        """A client that is given the recorded answer."""
        return OpenAI(
            api_key="sk-replayed", max_retries=0, http_client=http.Client(transport=self._transport())
        )

    def async_client(self) -> AsyncOpenAI:
        """An async client that is given the recorded answer."""
        http_client = http.AsyncClient(transport=self._transport())
        return AsyncOpenAI(api_key="sk-replayed", max_retries=0, http_client=http_client)

    def call(self, client: Any, **who: Any) -> Any:
        """Make the recorded request."""
        resource = {
            "chat": lambda: client.chat.completions,
            "responses": lambda: client.responses,
            "embeddings": lambda: client.embeddings,
        }[self.surface]()
        return resource.create(**self.request, **who)


def load() -> list[Exchange]:
    """Every recorded exchange of the three surfaces; none where there are no recordings."""
    return [exchange for path in sorted(FOLDER.rglob("*.yaml")) for exchange in _exchanges(path)]


def _exchanges(path: Path) -> Iterator[Exchange]:
    for number, one in enumerate(yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["interactions"]):
        request, response = one["request"], one["response"]
        surface = _METHODS.get(http.URL(request["uri"]).path)
        if surface is None or request["method"] != "POST":
            continue
        headers = [
            (name, value)
            for name, values in response["headers"].items()
            for value in (values if isinstance(values, list) else [values])
            # What is recorded has been decoded.
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        source = path.relative_to(FOLDER).parts[0].partition("-")[0]
        yield Exchange(
            name=f"{source}/{path.stem}/{number}",
            surface=surface,
            request=json.loads(request["body"]),
            status=response["status"]["code"],
            headers=headers,
            body=response["body"]["string"],
        )
