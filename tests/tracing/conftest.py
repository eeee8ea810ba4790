from __future__ import annotations

from collections import deque

import pytest

from infraprism.sessions.recent import Recent
from infraprism.tracing import foreign, places, twins


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans of two tests have the same ids, times and tokens."""
    monkeypatch.setattr(places, "_places", Recent(4096))
    monkeypatch.setattr(foreign, "_answered", Recent(2048))
    monkeypatch.setattr(foreign, "_ended", deque(maxlen=2048))
    monkeypatch.setattr(twins, "_calls", Recent(2048))
