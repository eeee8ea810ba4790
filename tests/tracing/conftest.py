from __future__ import annotations

import pytest

from infraprism.tracing import foreign, recent, twins


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans of two tests have the same ids, times and tokens."""
    monkeypatch.setattr(foreign, "_around", recent.Recent())
    monkeypatch.setattr(foreign, "_whose", recent.Recent())
    monkeypatch.setattr(twins, "_calls", recent.Recent())
