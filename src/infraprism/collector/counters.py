"""What became of everything that was received since the collector started, by reason."""

from __future__ import annotations

from collections import Counter

from infraprism.collector.ingest.calls import Batch


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
