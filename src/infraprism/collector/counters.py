"""What became of everything that was received since the collector started, by reason."""

from __future__ import annotations

from collections import Counter

from infraprism.collector.calls import Batch


class Counters:
    """Belongs to the event loop: one thread, no lock."""

    def __init__(self) -> None:
        self.spans_ignored: Counter[str] = Counter()
        self.spans_rejected: Counter[str] = Counter()
        self.values_dropped: Counter[str] = Counter()
        self.requests_refused: Counter[str] = Counter()
        self.requests_ignored: Counter[str] = Counter()

    def add(self, batch: Batch) -> None:
        """Count what `batch`, now acknowledged, left out."""
        self.spans_ignored += batch.spans_ignored
        self.spans_rejected += batch.spans_rejected
        self.values_dropped += batch.values_dropped
