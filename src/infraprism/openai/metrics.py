"""The metrics of calls, as the GenAI conventions name them, and what they cost.

A measurement is put on a list during the call and handed to the SDK when the SDK collects: recording four
histograms would cost a call more than everything else does. Metrics are not sampled, and none has a session
id as a dimension.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from infraprism import __version__, guard, semconv
from infraprism.openai.target import Target, cost_dimensions_of, dimensions_of
from infraprism.pricing import Cost, Usage

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation

# Bucket boundaries as the conventions advise.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))

#: Calls that wait for a collection; beyond that many, each call records two that wait.
_WAITING = 4096


class Measured(NamedTuple):
    """What is measured of one call; small, because many can wait."""

    target: Target
    entity_type: str | None
    response_model: str | None
    error_type: str | None
    #: Seconds; None where nobody waited for the call.
    duration: float | None
    #: Seconds to the first chunk of a stream.
    first_chunk: float | None
    usage: Usage | None
    cost: Cost | None


class Metrics:
    """The instruments of one meter."""

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        # At the first call, not at the start of the process.
        from opentelemetry.metrics import get_meter

        from infraprism.tracing.cost_metric import cost_histogram

        meter = get_meter(
            semconv.SCOPE, __version__, meter_provider=meter_provider, schema_url=semconv.SCHEMA_URL
        )

        def histogram(name: str, unit: str, description: str, boundaries: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(
                name, unit=unit, description=description, explicit_bucket_boundaries_advisory=boundaries
            )

        self._duration = histogram(semconv.METRIC_DURATION, "s", "Duration of a call.", _SECONDS)
        self._tokens = histogram(
            semconv.METRIC_TOKEN_USAGE, "{token}", "Input and output tokens of a call.", _TOKENS
        )
        self._first_chunk = histogram(
            semconv.METRIC_TIME_TO_FIRST_CHUNK,
            "s",
            "Time from the request to the first chunk of a streamed reply.",
            _SECONDS,
        )
        self._cost = cost_histogram(meter)
        self._waiting: deque[Measured] = deque()
        meter.create_observable_counter(
            semconv.METRIC_DROPPED,
            callbacks=[self._collect],
            unit="{item}",
            description="What was lost, by documented reason.",
        )
        _all.add(self)

    def measure(self, measured: Measured) -> None:
        """Take the measurements of one call."""
        self._waiting.append(measured)
        if len(self._waiting) > _WAITING:
            self._record(2)

    def forget(self) -> None:
        """Forget what waits: after a fork it is the parent's to record."""
        self._waiting.clear()

    def _collect(self, options: CallbackOptions) -> Iterable[Observation]:
        from opentelemetry.metrics import Observation

        self._record(len(self._waiting))
        return [
            Observation(count, {semconv.DROPPED_REASON: reason}) for reason, count in guard.dropped().items()
        ]

    @guard.guarded("telemetry_error")
    def _record(self, count: int) -> None:
        for _ in range(count):
            try:
                measured = self._waiting.popleft()
            except IndexError:
                return  # another thread was quicker
            target, usage, cost = measured.target, measured.usage, measured.cost
            dimensions = dimensions_of(target, measured.response_model, measured.error_type)
            if measured.duration is not None:
                self._duration.record(measured.duration, dimensions)
            if measured.first_chunk is not None:
                self._first_chunk.record(measured.first_chunk, dimensions)
            if usage is not None:
                for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
                    if tokens is not None:
                        self._tokens.record(tokens, {**dimensions, semconv.TOKEN_TYPE: kind})
            if cost is not None and cost.amount is not None:
                entity_type = measured.entity_type
                self._cost.record(
                    float(cost.amount), cost_dimensions_of(target, cost.currency, cost.source, entity_type)
                )


_all: weakref.WeakSet[Metrics] = weakref.WeakSet()


def _after_fork() -> None:
    for metrics in _all:
        metrics.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
