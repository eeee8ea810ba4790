"""Emits log records of ours, where the SDK's own way is too slow.

It uses private names of the SDK, and falls back on the API where they are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import Logger, ReadWriteLogRecord

from infraprism.tracing.bag import AttributeValue


def emit(logger: Any, record: LogRecord, attributes: Mapping[str, AttributeValue]) -> None:
    """Emit `record` with these attributes, to which nobody else has a reference.

    `Logger.emit` checks and copies every value again; ours are plain already. Where the limits apply, it
    applies them.
    """
    try:
        ready = ReadWriteLogRecord(
            record, logger.resource, logger._instrumentation_scope, logger._log_record_limits
        )
        bag: Any = record.attributes
        fits = (
            type(logger) is Logger
            and type(bag._dict) is dict
            and bag.max_value_len is None
            and (bag.maxlen is None or len(attributes) <= bag.maxlen)
        )
    except AttributeError:
        fits = False
    if fits:
        bag._dict.update(attributes)
        logger.emit(ready)
    else:
        record.attributes = attributes
        logger.emit(record)
