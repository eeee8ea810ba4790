"""What is told of the sessions of `Session` objects: events and metrics, of real providers."""

import json
import subprocess
import sys
from decimal import Decimal

import pytest
from simulated_openai import serve

from infraprism.cli.services import clean_environment

SET_UP = """
import atexit, json, os
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

class Printing(LogRecordProcessor):
    def on_emit(self, log):
        record = log.log_record
        scope = log.instrumentation_scope
        assert record.timestamp
        print(json.dumps([scope.name, record.event_name, dict(record.attributes), record.trace_id]))
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True

def measured():
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if scope.scope.name == "infraprism.sessions":
                    for p in metric.data.data_points:
                        print(json.dumps([metric.name, metric.unit, dict(p.attributes), p.count, p.sum]))

trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
logs = LoggerProvider(shutdown_on_exit=False)
logs.add_log_record_processor(Printing())
_logs.set_logger_provider(logs)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
atexit.register(measured)
import infraprism
"""
CLIENT = """
client = infraprism.InfraPrismOpenAI(base_url=os.environ["API"], api_key="none")
def ask(**who):
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], **who)
"""
ACME = {
    "session.id": "conv-1",
    "gen_ai.conversation.id": "conv-1",
    "infraprism.entity.type": "customer",
    "infraprism.entity.id": "acme",
    "infraprism.tag.feature": "chat",
}
SCOPE = "infraprism.sessions"


@pytest.fixture(scope="module")
def api():
    server = serve()
    yield server.base_url
    server.close()


def run(program, api=""):
    """The lines that a program prints, each as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment() | {"API": api},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_session_is_told_of_with_its_totals(api):
    start, cost_of_calls, end, *metrics = run(
        SET_UP
        + CLIENT
        + """
from infraprism.tracing import process_ledger
chat = infraprism.Session(
    session_id="conv-1", entity_type="customer", entity_id="acme", tags={"feature": "chat"}
)
with chat: ask()
with chat: client.embeddings.create(model="text-embedding-3-small", input="Hello")
ask(session_id=chat.id, entity_type="customer", entity_id="acme")
print(json.dumps(str(process_ledger["customer", "acme", "conv-1"].cost)))
with trace.get_tracer("app").start_as_current_span("something else"):
    chat.end()
""",
        api,
    )
    assert start == [SCOPE, "session.start", ACME, 0]
    totals = {"infraprism.session.cost": end[2]["infraprism.session.cost"], "infraprism.session.turns": 2}
    assert end == [SCOPE, "session.end", {**ACME, **totals}, 0]
    cost = Decimal(cost_of_calls)
    assert Decimal(totals["infraprism.session.cost"]) == cost > 0
    of_customers = {"infraprism.entity.type": "customer"}
    assert metrics == [
        ["infraprism.session.cost", "USD", of_customers, 1, float(cost)],
        ["infraprism.session.turns", "{turn}", of_customers, 1, 2],
    ]


def test_the_next_session_names_the_one_before():
    lines = run(
        SET_UP
        + """
chat = infraprism.Session(session_id="first")
with trace.get_tracer("app").start_as_current_span("turn") as span:
    chat.touch()
    chat.end()
    second = chat.id
print(json.dumps([second, span.get_span_context().trace_id]))
chat.end()
"""
    )
    second, trace_id = lines[3]
    assert [line for line in lines if line is not lines[3]] == [
        [SCOPE, "session.start", {"session.id": "first", "gen_ai.conversation.id": "first"}, trace_id],
        [SCOPE, "session.end", {"session.id": "first", "gen_ai.conversation.id": "first"}, 0],
        [
            SCOPE,
            "session.start",
            {"session.id": second, "gen_ai.conversation.id": second, "session.previous_id": "first"},
            trace_id,
        ],
        [SCOPE, "session.end", {"session.id": second, "gen_ai.conversation.id": second}, 0],
    ]


def test_a_session_ends_with_the_process(api):
    lines = run(
        SET_UP + CLIENT + """
with infraprism.Session(session_id="conv-1"): ask()
"""
        "print(json.dumps('the program ends'))\n",
        api,
    )
    assert [line if isinstance(line, str) else line[:2] for line in lines] == [
        [SCOPE, "session.start"],
        "the program ends",
        [SCOPE, "session.end"],
        ["infraprism.session.cost", "USD"],
        ["infraprism.session.turns", "{turn}"],
    ]


def test_what_is_not_known_is_not_told(api):
    """A model without a price has turns and no cost; a session without calls has neither."""
    lines = run(
        SET_UP
        + CLIENT
        + """
free = infraprism.Session(session_id="unpriced")
with free: client.chat.completions.create(model="nobody-knows", messages=[{"role": "user", "content": "Hi"}])
free.end()
idle = infraprism.Session(session_id="idle")
idle.touch()
idle.end()
""",
        api,
    )
    ends = [line[2] for line in lines if line[1] == "session.end"]
    assert ends == [
        {
            "session.id": "unpriced",
            "gen_ai.conversation.id": "unpriced",
            "infraprism.session.turns": 1,
        },
        {"session.id": "idle", "gen_ai.conversation.id": "idle"},
    ]
    assert [line[0] for line in lines if line[1] in ("USD", "{turn}")] == ["infraprism.session.turns"]


def test_without_providers_nothing_is_told_and_no_sdk_is_loaded():
    assert run(
        """
import json, sys, infraprism
with infraprism.Session(session_id="conv-1") as chat: pass
chat.end()
print(json.dumps([infraprism.guard.dropped(), "opentelemetry.sdk" in sys.modules]))
"""
    ) == [[{}, False]]
