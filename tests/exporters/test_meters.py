"""What the application's meter provider is told of the delivery."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.exporters.fault_server import Fault, FaultServer

#: In a process of its own: a meter provider is set once.
PROGRAM = """
import gc, json, time
from infraprism_exporter_otlp import InfraPrismSpanProcessor
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

InfraPrismSpanProcessor().shutdown()
gc.collect()  # that one is gone: the next is reported all the same, once
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(InfraPrismSpanProcessor(timeout=0.5))
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
for _ in range(10):
    provider.get_tracer("test").start_span("call").end()
provider.force_flush()
time.sleep(0.1)
[resource] = reader.get_metrics_data().resource_metrics
found = {}
for metric in resource.scope_metrics[0].metrics:
    assert metric.name not in found
    for point in metric.data.data_points:
        found[metric.name] = [point.value, dict(point.attributes)]
print(json.dumps(found))
"""


def metrics_of(server: FaultServer) -> dict[str, list[object]]:
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, list[object]] = json.loads(result.stdout)
    return found


def test_of_what_was_rejected(server: FaultServer) -> None:
    server.fault = Fault.PARTIAL
    traces = {"signal": "traces"}
    assert metrics_of(server) == {
        "infraprism.spool.sent": [9, traces],
        "infraprism.spool.retried": [0, traces],
        "infraprism.spool.dropped": [1, {**traces, "reason": "rejected"}],
        "infraprism.spool.disk_failures": [0, traces],
        "infraprism.spool.queued": [0, traces],
        "infraprism.spool.oldest_age": [0.0, traces],
    }


def test_of_what_waits(server: FaultServer) -> None:
    server.fault = Fault.STATUS
    found = metrics_of(server)
    [age, _] = found["infraprism.spool.oldest_age"]
    assert isinstance(age, float)
    assert 0.05 < age < 10
    assert [found["infraprism.spool.queued"][0], found["infraprism.spool.retried"][0]] == [10, 10]


def test_of_what_is_held(server: FaultServer) -> None:
    server.fault, server.status = Fault.STATUS, 401
    held = [10, {"signal": "traces", "reason": "unauthorized"}]
    assert metrics_of(server)["infraprism.spool.held"] == held
