"""Instrumented clients under test: where their spans and metrics go, and what goes over the wire."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infraprism import InfraPrismInstrumentor, __version__, guard, semconv
from infraprism.openai import background, billed, known_batches, patch, pending
from infraprism.sessions import trace_ids, turns
from infraprism.sessions.recent import Recent
from infraprism.tracing import Ledger, attach, processor
from tests.support.spans import CountingIds
from tests.support.versions import http

API_KEY = "sk-proj-Tr0ub4dor"


class _Seconds:
    """Equal to any plausible measured duration."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and 0 <= other < 60

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "SECONDS"


SECONDS = _Seconds()

#: The instrumentation scope of every span of ours.
SCOPE = {"name": semconv.SCOPE, "version": __version__, "schema_url": semconv.SCHEMA_URL}


def as_dict(span: ReadableSpan) -> dict[str, Any]:
    """Everything that a span exports, but for its times, which are checked, and its resource."""
    context, scope = span.context, span.instrumentation_scope
    assert context is not None
    assert scope is not None
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time <= span.end_time
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace_id": context.trace_id,
        "span_id": context.span_id,
        "parent_id": span.parent.span_id if span.parent is not None else None,
        "scope": {"name": scope.name, "version": scope.version, "schema_url": scope.schema_url},
        "status": (span.status.status_code.name, span.status.description),
        "attributes": dict(span.attributes or {}),
        "events": [(event.name, dict(event.attributes or {})) for event in span.events],
        "links": list(span.links),
    }


class Recording:
    """An application's tracer, meter and logger providers, keeping what they are given in memory."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(
            **{"id_generator": CountingIds(), "shutdown_on_exit": False, **options}
        )
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.logs = InMemoryLogRecordExporter()
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.logs))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The ended spans, in the order in which they ended."""
        return [as_dict(span) for span in self.exporter.get_finished_spans()]

    @property
    def span(self) -> dict[str, Any]:
        """The ended span, of which there is exactly one."""
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        """Its attributes."""
        attributes: dict[str, Any] = self.span["attributes"]
        return attributes

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """The points of each metric: its dimensions, and a histogram's ``(count, sum)`` or a value."""
        data = self._reader.get_metrics_data()
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        if data is None:
            return found
        for metric in (
            m for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics
        ):
            found[metric.name] = [
                (
                    dict(point.attributes or {}),
                    (point.count, point.sum) if isinstance(point, HistogramDataPoint) else point.value,
                )
                for point in metric.data.data_points
            ]
        return found


@contextmanager
def instrumented(recording: Recording | None = None) -> Iterator[Recording]:
    """All clients instrumented for a while, on providers and running totals of their own."""
    recording = Recording() if recording is None else recording
    ledger = Ledger()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(guard, "_dropped", Counter())
        for module, memory in (
            (billed, "_ids"),
            (pending, "_origins"),
            (known_batches, "_by_file"),
            (known_batches, "_read"),
        ):
            monkeypatch.setattr(module, memory, OrderedDict())
        monkeypatch.setattr(trace_ids, "_counted", Recent(16_384))
        monkeypatch.setattr(turns, "_last", Recent(16_384))
        monkeypatch.setattr(attach, "process_ledger", ledger)
        monkeypatch.setattr(processor, "process_ledger", ledger)
        instrumentor = InfraPrismInstrumentor()
        instrumentor.instrument(
            tracer_provider=recording.tracer_provider,
            meter_provider=recording.meter_provider,
            logger_provider=recording.logger_provider,
        )
        try:
            yield recording
        finally:
            monkeypatch.setattr(patch, "_for_good", False)  # for the drop-in clients of the test
            instrumentor.uninstrument()
            patch.remove()


def drain(result: Any) -> Any:
    """Read a result of the sync client to its end: a stream's chunks, a helper's events, or itself."""
    if isinstance(result, Stream):
        return list(result)
    if hasattr(result, "__enter__"):
        with result as stream:
            return list(stream)
    return result


async def adrain(result: Any) -> Any:
    """As `drain`, for what a method of the async client gives."""
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncStream):
        return [chunk async for chunk in result]
    if hasattr(result, "__aenter__"):
        async with result as stream:
            return [event async for event in stream]
    return result


class Wire:
    """A server in memory: gives every request the same answer, and keeps the requests."""

    def __init__(
        self, content: bytes | str, *, status: int = 200, content_type: str = "application/json"
    ) -> None:
        self._content = content
        self._status = status
        self._headers = {"content-type": content_type, "x-request-id": "req_1"}
        #: Method, URL, headers and body of each request.
        self.requests: list[tuple[str, str, list[tuple[bytes, bytes]], bytes]] = []

    def __call__(self, request: http.Request) -> http.Response:
        self.requests.append((request.method, str(request.url), request.headers.raw, request.content))
        return http.Response(self._status, headers=self._headers, content=self._content)

    def client(self, kind: type[OpenAI] = OpenAI, **options: Any) -> OpenAI:
        """A client that talks to this server."""
        http_client = http.Client(transport=http.MockTransport(self))
        return kind(**{"api_key": API_KEY, "max_retries": 0, "http_client": http_client, **options})

    def async_client(self, kind: type[AsyncOpenAI] = AsyncOpenAI, **options: Any) -> AsyncOpenAI:
        """An async client that talks to this server."""
        http_client = http.AsyncClient(transport=http.MockTransport(self))
        return kind(**{"api_key": API_KEY, "max_retries": 0, "http_client": http_client, **options})


class Answers(Wire):
    """As `Wire`, but each request gets the next answer, and all after the last one that one again."""

    def __init__(self, *contents: bytes | str, content_type: str = "application/json") -> None:
        super().__init__(contents[0], content_type=content_type)
        self._next = iter(contents)

    def __call__(self, request: Any) -> Any:
        self._content = next(self._next, self._content)
        return super().__call__(request)


def settle() -> None:
    """Wait until all that was handed to the background thread is done."""
    done = threading.Event()
    assert background.hand_over(done.set, 0)
    assert done.wait(60)


def sse(*events: Any) -> bytes:
    """Server-sent events, one for each object."""
    data = [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events]
    return "".join(data).encode()


class Held(http.AsyncBaseTransport, http.AsyncByteStream):
    """An async server that sends the head and some bytes of an answer, then nothing more.

    Attributes:
        waiting: set once the client has what there is, and waits.
        closed: whether the client has let go of the connection.
    """

    def __init__(self, content: bytes | None) -> None:
        self._content = content
        self.waiting = asyncio.Event()
        self.closed = False

    async def handle_async_request(self, request: http.Request) -> http.Response:
        if self._content is None:
            await self._wait()
        return http.Response(200, headers={"content-type": "text/event-stream"}, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self._content is not None
        yield self._content
        await self._wait()

    async def _wait(self) -> None:
        self.waiting.set()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True

    def client(self) -> AsyncOpenAI:
        """A client that talks to this server."""
        http_client = http.AsyncClient(transport=self)
        return AsyncOpenAI(api_key=API_KEY, max_retries=0, http_client=http_client)
