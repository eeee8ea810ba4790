"""Log records go the same way as spans: a call that is not sampled is one."""

from __future__ import annotations

from infraprism_exporter_otlp import InfraPrismLogProcessor
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider

from tests.exporters.fault_server import FaultServer


def test_events_are_delivered_to_their_own_endpoint(server: FaultServer) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(InfraPrismLogProcessor())
    logger = provider.get_logger("infraprism.openai", "1")
    server.down()
    attributes = {"session.id": "conv-1", "infraprism.cost.amount": "0.0075"}
    logger.emit(LogRecord(event_name="infraprism.call", timestamp=5, attributes=attributes))
    server.up()
    assert provider.force_flush()
    [record] = server.records
    assert (record.event_name, record.time_unix_nano) == ("infraprism.call", 5)
    assert {each.key: each.value.string_value for each in record.attributes} == attributes
    assert server.paths == {"/v1/logs": 1}
    provider.shutdown()
