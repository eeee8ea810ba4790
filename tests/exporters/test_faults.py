"""The fault matrix, for a few seconds a row; `faults.py` runs it for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exporters.faults import ROWS, run


@pytest.mark.parametrize("name", ROWS)
def test_nothing_is_lost_and_nothing_is_there_twice(name: str, tmp_path: Path) -> None:
    result = run(ROWS[name], seconds=3, rate=100, workers=2, beside=False, folder=tmp_path)
    assert result.ended > 50
    assert (result.lost, result.twice) == (0, 0)
    assert (result.rejected > 0) == (name == "partial success")
