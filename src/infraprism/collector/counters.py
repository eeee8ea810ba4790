"""What became of everything that was received since the collector started, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from infraprism.collector.ingest.calls import Batch
from infraprism.collector.store.interface import Store

#: All that is counted, by `Counters` or by the store.
MEANINGS: Final = {
    "calls_stored": "Calls that were stored.",
    "spans_stored": "Other spans that were stored.",
    "repeats_dropped": "Calls and spans that were stored already.",
    "deleted_dropped": "Calls and spans that had been deleted.",
    "calls_counted_elsewhere": "Calls that were stored until another one turned out to carry their money.",
    "spans_ignored": "Spans that were accepted and not kept.",
    "spans_rejected": "Spans that were refused.",
    "calls_from_logs": "Calls that came as log events.",
    "logs_ignored": "Log records that were accepted and not kept.",
    "logs_rejected": "Events of calls that were refused.",
    "values_dropped": "Values of calls that could not be used.",
    "requests_refused": "Requests that were refused.",
    "requests_ignored": "Requests that were accepted and not kept.",
}


class Counters:
    """Belongs to the event loop: one thread, no lock."""

    def __init__(self) -> None:
        self.spans_ignored: Counter[str] = Counter()
        self.spans_rejected: Counter[str] = Counter()
        #: Calls that came as events; those delivered again included.
        self.calls_from_logs = 0
        self.logs_ignored: Counter[str] = Counter()
        self.logs_rejected: Counter[str] = Counter()
        self.values_dropped: Counter[str] = Counter()
        self.requests_refused: Counter[str] = Counter()
        self.requests_ignored: Counter[str] = Counter()

    def add(self, batch: Batch, *, of_logs: bool) -> None:
        """Count what `batch`, now acknowledged, left out."""
        if of_logs:
            self.calls_from_logs += len(batch.calls)
            self.logs_ignored += batch.ignored
            self.logs_rejected += batch.rejected
        else:
            self.spans_ignored += batch.ignored
            self.spans_rejected += batch.rejected
        self.values_dropped += batch.values_dropped


def told(store: Store, counters: Counters) -> dict[str, int | Mapping[str, int]]:
    """All counts since the start, by the names of `MEANINGS`; those that have reasons by reason."""
    return {name: getattr(counters if hasattr(counters, name) else store, name) for name in MEANINGS}
