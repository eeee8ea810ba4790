"""What the application's own meter provider is told. Read when it collects: it costs the spans nothing."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from infraprism_exporter_otlp.delivery import Delivery
from infraprism_exporter_otlp.settings import Signal

_known: weakref.WeakKeyDictionary[Delivery, Signal] = weakref.WeakKeyDictionary()


def observe(delivery: Delivery, signal: Signal) -> None:
    """Report a delivery from now on, as long as it lives."""
    _create()
    _known[delivery] = signal


@functools.cache
def _create() -> None:
    meter = get_meter("infraprism_exporter_otlp")

    def sent(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(it.counts.sent, {"signal": of}) for it, of in list(_known.items())]

    def retried(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(it.counts.retried, {"signal": of}) for it, of in list(_known.items())]

    def dropped(_: CallbackOptions) -> Iterable[Observation]:
        for it, of in list(_known.items()):
            for reason, records in list(it.counts.dropped.items()):
                yield Observation(records, {"signal": of, "reason": reason})

    def held(_: CallbackOptions) -> Iterable[Observation]:
        for it, of in list(_known.items()):
            for reason, records in list(it.counts.held.items()):
                yield Observation(records, {"signal": of, "reason": reason})

    def disk_failures(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(it.counts.disk_failures, {"signal": of}) for it, of in list(_known.items())]

    def queued(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(it.waiting(), {"signal": of}) for it, of in list(_known.items())]

    def oldest_age(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(it.oldest_age(), {"signal": of}) for it, of in list(_known.items())]

    counter, gauge = meter.create_observable_counter, meter.create_observable_gauge
    counter("infraprism.spool.sent", [sent], "{record}", "Records that the server has accepted")
    counter("infraprism.spool.retried", [retried], "{record}", "Records in requests that failed and may not")
    counter("infraprism.spool.dropped", [dropped], "{record}", "Records that are lost")
    counter("infraprism.spool.held", [held], "{record}", "Records that wait for another process to send them")
    counter("infraprism.spool.disk_failures", [disk_failures], "{record}", "Records that the disk refused")
    gauge("infraprism.spool.queued", [queued], "{record}", "Records that are not sent yet")
    gauge("infraprism.spool.oldest_age", [oldest_age], "s", "Age of the record that is being sent")
