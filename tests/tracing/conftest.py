from __future__ import annotations

import pytest

from infraprism.sessions.recent import Recent
from infraprism.tracing import foreign, twins


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans of two tests have the same ids, times and tokens."""
    monkeypatch.setattr(foreign, "_around", Recent(2048))
    monkeypatch.setattr(foreign, "_whose", Recent(2048))
    monkeypatch.setattr(twins, "_calls", Recent(2048))
