"""The drop-in clients: `openai`'s own, recorded by themselves, with or without OpenTelemetry set up."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from simulated_openai import SimulatedOpenAI

import infraprism
from infraprism import AsyncInfraPrismOpenAI, InfraPrismInstrumentor, InfraPrismOpenAI
from infraprism.tracing import standalone
from tests.openai.programs import ONE_CALL, run
from tests.support.calls import API_KEY, Recording, Wire, instrumented

MESSAGES: Any = [{"role": "user", "content": "Give me an example."}]


class Collector:
    """An OTLP/HTTP receiver: keeps the session of each span, and the headers of each request."""

    def __init__(self) -> None:
        self.spans: list[list[str | None]] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.receive(dict(self.headers), body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def receive(self, headers: dict[str, str], body: bytes) -> None:
        lower = {name.lower(): value for name, value in headers.items()}
        self.headers.append(lower)
        body = gzip.decompress(body) if lower.get("content-encoding") == "gzip" else body
        request = ExportTraceServiceRequest.FromString(body)
        names = ("session.id", "infraprism.cost.amount", "infraprism.session.cost")
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    known = {item.key: item.value.string_value for item in span.attributes}
                    self.spans.append([known.get(name) for name in names])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_alone_it_exports_to_the_collector_and_leaves_the_rest_of_the_process_alone(
    api: SimulatedOpenAI, collector: Collector
) -> None:
    reported, printed = run(
        """
        from openai import OpenAI
        from opentelemetry import trace
        from infraprism import InfraPrismOpenAI
        ask(InfraPrismOpenAI, session_id="s-1")
        ask(OpenAI)
        try:
            ask(OpenAI, session_id="s-1")
        except TypeError as error:
            report(provider=type(trace.get_tracer_provider()).__name__, refused=str(error)[-12:])
        """,
        API=api.base_url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        INFRAPRISM_API_KEY="ip-key",
    )
    assert reported == {"provider": "ProxyTracerProvider", "refused": "'session_id'"}
    assert printed == ""
    assert collector.spans == [ONE_CALL]
    assert [headers["authorization"] for headers in collector.headers] == ["Bearer ip-key"]


def test_a_provider_that_the_application_sets_later_is_used_from_then_on(
    api: SimulatedOpenAI, collector: Collector
) -> None:
    reported, printed = run(
        """
        from opentelemetry import trace
        from infraprism import InfraPrismOpenAI
        ask(InfraPrismOpenAI, session_id="s-1")
        provider, exporter = exporting()
        trace.set_tracer_provider(provider)
        ask(InfraPrismOpenAI, session_id="s-2")
        report(spans=summary(exporter))
        """,
        API=api.base_url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
    )
    assert reported == {"spans": [["s-2", *ONE_CALL[1:]]]}
    assert printed == ""
    assert collector.spans == [ONE_CALL]


def test_with_the_instrumentation_of_all_clients_it_still_exports_where_there_is_no_provider(
    api: SimulatedOpenAI, collector: Collector
) -> None:
    run(
        """
        from openai import OpenAI
        from infraprism import InfraPrismInstrumentor, InfraPrismOpenAI
        InfraPrismInstrumentor().instrument()
        ask(OpenAI, session_id="nobody's")
        ask(InfraPrismOpenAI, session_id="s-1")
        ask(OpenAI, session_id="nobody's")
        report()
        """,
        API=api.base_url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
    )
    assert collector.spans == [ONE_CALL]


def test_without_a_collector_it_says_so_once_and_works(api: SimulatedOpenAI) -> None:
    reported, printed = run(
        """
        from infraprism import InfraPrismOpenAI
        totals = [ask(InfraPrismOpenAI, session_id="s-1").usage.total_tokens for _ in range(3)]
        report(totals=totals)
        """,
        API=api.base_url,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",  # the discard port: nobody listens
    )
    assert reported == {"totals": [50, 50, 50]}
    (line,) = printed.splitlines()
    assert line.startswith("infraprism: export_failed (")


def test_export_can_be_turned_off(api: SimulatedOpenAI, collector: Collector) -> None:
    reported, printed = run(
        """
        from infraprism import InfraPrismOpenAI
        report(tokens=ask(InfraPrismOpenAI, session_id="s-1").usage.total_tokens)
        """,
        API=api.base_url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_TRACES_EXPORTER="none",
    )
    assert reported == {"tokens": 50}
    assert printed == ""
    assert collector.spans == []


def test_it_is_the_clients_own_class() -> None:
    wire = Wire("{}")
    assert isinstance(wire.client(InfraPrismOpenAI), OpenAI)
    assert isinstance(wire.async_client(AsyncInfraPrismOpenAI), AsyncOpenAI)
    assert infraprism.InfraPrismOpenAI is InfraPrismOpenAI


async def test_options_and_copies_keep_it(api: SimulatedOpenAI, recording: Recording) -> None:
    client = InfraPrismOpenAI(base_url=api.base_url, api_key=API_KEY)
    async_client = AsyncInfraPrismOpenAI(base_url=api.base_url, api_key=API_KEY)
    for one in (client.with_options(timeout=5), client.copy(), client.with_options(max_retries=0).copy()):
        assert type(one) is InfraPrismOpenAI
        one.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, session_id="s-1")
    for other in (async_client.with_options(timeout=5), async_client.copy()):
        assert type(other) is AsyncInfraPrismOpenAI
        await other.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, session_id="s-1")
    assert [span["attributes"]["infraprism.session.turns"] for span in recording.spans] == [1, 2, 3, 4, 5]


def test_a_subclass_of_it_is_recorded_too(api: SimulatedOpenAI, recording: Recording) -> None:
    class Ours(InfraPrismOpenAI):
        pass

    client = Ours(base_url=api.base_url, api_key=API_KEY)
    client.embeddings.create(model="text-embedding-3-small", input="a", session_id="s-1")
    assert recording.attributes["session.id"] == "s-1"


def test_it_outlives_the_instrumentation_of_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire('{"usage": {"prompt_tokens": 1}}')
    arguments: Any = {"model": "gpt-4o-mini", "messages": MESSAGES}
    own = Recording()
    monkeypatch.setattr(standalone, "provider", lambda: own.tracer_provider)
    with instrumented() as recording:
        client, bare = wire.client(InfraPrismOpenAI), wire.client()
        InfraPrismInstrumentor().uninstrument()
        client.chat.completions.create(**arguments, session_id="s-1")
        bare.chat.completions.create(**arguments)
        with pytest.raises(TypeError, match="session_id"):
            bare.chat.completions.create(**arguments, session_id="s-1")
    assert len(wire.requests) == 2
    assert b"session_id" not in wire.requests[0][3]
    assert own.attributes["session.id"] == "s-1"
    assert recording.spans == []  # its providers were taken off with it
