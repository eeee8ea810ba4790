"""docs/api.md names every reason there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from infraprism.collector.ingest import calls, heads, logs, receiver
from infraprism.collector.recosts import repricing

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
SOURCES = Path(calls.__file__).parent


def test_every_reason_is_documented() -> None:
    reasons = {*heads.REJECTIONS, calls.NO_CALL_NO_SESSION, logs.NO_CALL}
    reasons |= set(get_args(repricing.Reason))
    reasons |= {reason for _, reason in receiver.REFUSALS.values()}
    for module in ("attributes.py", "receiver.py"):
        source = (SOURCES / module).read_text()
        reasons |= set(re.findall(r'(?:_unpriced\(|_dropped\[|requests_refused\[)"(\w+)"', source))
        reasons |= set(re.findall(r'_take\([^)]*, "(\w+)"\)', source))

    assert len(reasons) > 20
    assert {reason for reason in reasons if f"`{reason}`" not in DOCS} == set()
