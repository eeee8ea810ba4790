"""Calls whose spans are not sampled: each goes out as a log event with all that its span would have said.

So a collector's totals are right under any sampler. What is said in a call is never in an event.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span

from infraprism import __version__, guard, semconv, settings
from infraprism.openai import loading

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider

    from infraprism.tracing import Connection

_CONTENT = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
)


class UnsampledSpan(NonRecordingSpan):
    """The span of a call that is not sampled, with what it would have started with."""

    def __init__(
        self, span: Span, parent_id: int, name: str, known: Mapping[str, Any], start_time: int
    ) -> None:
        super().__init__(span.get_span_context())
        self.parent_id = parent_id
        self.name = name
        self.attributes = known
        self.start_time = start_time


def remembering(
    span: Span, context: Context, name: str, known: Mapping[str, Any], start_time: int | None
) -> Span:
    """In place of a span that does not record: one that keeps what the event of its call will need.

    `context`: that it was started in. A span that is none, because tracing is off, stays as it is.
    """
    parent_id = trace.get_current_span(context).get_span_context().span_id
    own = span.get_span_context()
    # A tracer that is off gives the span of the parent back.
    if not own.is_valid or own.span_id == parent_id or not settings.current().unsampled_events:
        return span
    return UnsampledSpan(span, parent_id, name, known, time.time_ns() if start_time is None else start_time)


def logger_for(span: Span, connection: Connection) -> Logger | None:
    """What takes the event of a call whose span is not sampled; None where none is wanted, or nothing does.

    A span that is recorded all the same is not exported, and has an event, too.
    """
    # One that is neither ours nor the SDK's cannot be read.
    if not hasattr(span, "start_time") or not settings.current().unsampled_events:
        return None
    logger = _logger(connection)
    if logger is None or not _takes(logger):
        guard.drop("unsampled_not_sent", "there is no logger provider with an exporter", level=logging.INFO)
        return None
    return logger


#: What has given a provider, and so has loaded what it needs.
_loaded: object = None


def _logger(connection: Connection) -> Logger | None:
    global _loaded
    give = connection.logger_provider
    if give is _loaded:
        provider = give()
        return None if provider is None else _logger_of(provider)
    with loading.once_at_a_time():
        provider = give()
        logger = None if provider is None else _logger_of(provider)
    if logger is not None:
        _loaded = give
    return logger


def send(logger: Logger, span: Any, found: Mapping[str, Any], end_time: int) -> None:
    """Send the call of `span` as an event.

    Args:
        found: attributes that the call ends with. Those of a recording span are on it already.
        end_time: Unix nanoseconds.
    """
    from opentelemetry._logs import LogRecord, SeverityNumber

    from infraprism.tracing.event_log import emit

    attributes = {**span.attributes, **found, semconv.CALL_NAME: span.name}
    attributes[semconv.CALL_STARTED_AT] = span.start_time
    if isinstance(span, UnsampledSpan):
        parent_id = span.parent_id
    else:
        parent_id = 0 if span.parent is None else span.parent.span_id
        for name in _CONTENT:
            attributes.pop(name, None)
    if parent_id:
        attributes[semconv.CALL_PARENT_SPAN_ID] = trace.format_span_id(parent_id)
    record = LogRecord(
        timestamp=end_time,
        # Of nothing but the span: a call may end in the midst of something else.
        context=trace.set_span_in_context(span, Context()),
        severity_number=SeverityNumber.INFO,
        event_name=semconv.EVENT_CALL,
    )
    emit(logger, record, attributes)


def flush(connection: Connection) -> None:
    """Have spans and events of ended calls exported, and wait for it: never in the application's threads."""
    connection.flush()
    if _logger_of.cache_info().currsize:  # else there was no event yet
        with loading.once_at_a_time():
            provider = connection.logger_provider()
        if callable(force_flush := getattr(provider, "force_flush", None)):
            force_flush()


@lru_cache(maxsize=4)
def _logger_of(provider: LoggerProvider) -> Logger:
    import infraprism.tracing.event_log  # noqa: F401 - what `send` needs is loaded by then

    return provider.get_logger(semconv.SCOPE, __version__, semconv.SCHEMA_URL)


def _takes(logger: Any) -> bool:
    """Whether there is anybody to whom `logger` would give an event."""
    from opentelemetry._logs import NoOpLogger, SeverityNumber

    enabled = getattr(logger, "enabled", None)
    if enabled is not None:
        return bool(enabled(severity_number=SeverityNumber.INFO, event_name=semconv.EVENT_CALL))
    # Older versions of the API cannot be asked.
    if isinstance(getattr(logger, "_logger", logger), NoOpLogger):
        return False
    processors = getattr(getattr(logger, "_multi_log_record_processor", None), "_log_record_processors", None)
    return processors is None or len(processors) > 0
