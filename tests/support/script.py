"""A server in memory that answers by a script, also as no server should."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

from tests.support.calls import Wire, sse
from tests.support.versions import http

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


class Answer(NamedTuple):
    """One answer of a server.

    Attributes:
        content: its body, in pieces as they come over the wire.
        breaks: what the connection does after the last piece, or, without any, instead of an answer.
    """

    content: tuple[bytes, ...] = ()
    status: int = 200
    content_type: str | None = JSON
    headers: Mapping[str, str] = {}
    breaks: Exception | None = None

    def gzipped(self) -> Answer:
        """The same, compressed."""
        body = gzip.compress(b"".join(self.content), mtime=0)
        return self._replace(content=(body,), headers={**self.headers, "content-encoding": "gzip"})


def body(value: Any, **options: Any) -> Answer:
    """An answer that is one JSON document, or a text or bytes as they are."""
    data = value if isinstance(value, str | bytes) else json.dumps(value)
    return Answer((data.encode() if isinstance(data, str) else data,), **options)


def events(*values: Any, **options: Any) -> Answer:
    """An answer that is a stream of events, one piece for each."""
    return Answer(tuple(map(sse, values)), **{"content_type": EVENTS, **options})


class _Pieces(http.SyncByteStream, http.AsyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.content
        if self._answer.breaks is not None:
            raise self._answer.breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class Script(Wire):
    """Gives each request the next answer, and all after the last one that one again."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(b"")
        self.answers = answers

    def __call__(self, request: Any) -> Any:
        super().__call__(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if answer.breaks is not None and not answer.content:
            raise answer.breaks
        headers = {"x-request-id": f"req_{len(self.requests)}", **answer.headers}
        if answer.content_type is not None:
            headers["content-type"] = answer.content_type
        return http.Response(answer.status, headers=headers, stream=_Pieces(answer))
