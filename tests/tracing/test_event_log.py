"""A record of ours is what the SDK's own way would have made of it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource

from infraprism.tracing.event_log import emit

ATTRIBUTES: Any = {"text": "some text", "number": 1, "share": 0.5, "flag": True, "texts": ("a", "b")}


def record(attributes: Any = None) -> LogRecord:
    return LogRecord(
        timestamp=2,
        observed_timestamp=3,
        context=Context({"a": 1}),
        severity_number=SeverityNumber.INFO,
        attributes=attributes,
        event_name="infraprism.call",
    )


@pytest.mark.parametrize("processor", [SimpleLogRecordProcessor, BatchLogRecordProcessor])
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"OTEL_ATTRIBUTE_COUNT_LIMIT": "5"},
        {"OTEL_ATTRIBUTE_COUNT_LIMIT": "3"},
        {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "4"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Log record attributes were dropped")
def test_a_record_is_what_the_sdk_makes_of_it(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, str], processor: Any
) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(name, value)
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_log_record_processor(processor(exporter))
    logger = provider.get_logger("infraprism.openai", "1")
    emit(logger, record(), dict(ATTRIBUTES))
    logger.emit(record(ATTRIBUTES))
    provider.force_flush()
    provider.shutdown()

    ours, theirs = exporter.get_finished_logs()
    assert ours.to_json() == theirs.to_json()
    assert ours.instrumentation_scope == theirs.instrumentation_scope
    assert ours.dropped_attributes == theirs.dropped_attributes


class Other(Logger):
    """Of another SDK."""

    def __init__(self) -> None:
        super().__init__("other")
        self.emitted: list[Any] = []

    def emit(self, record: Any = None, **fields: Any) -> None:
        self.emitted.append(record)

    def enabled(self, **asked: Any) -> bool:
        return True


def test_the_logger_of_another_sdk_is_given_the_record_itself() -> None:
    logger, given = Other(), record()
    with warnings.catch_warnings(action="error"):
        emit(logger, given, ATTRIBUTES)
    assert logger.emitted == [given]
    assert given.attributes == ATTRIBUTES
