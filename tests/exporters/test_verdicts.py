"""The table of what is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from infraprism_exporter_otlp.verdicts import Answer, Outcome, Verdict, judge


@pytest.mark.parametrize(
    ("status", "outcome", "held"),
    [
        (200, Outcome.ACCEPTED, None),
        (202, Outcome.ACCEPTED, None),
        (301, Outcome.HOLD, "redirected"),
        (304, Outcome.HOLD, "redirected"),
        (307, Outcome.HOLD, "redirected"),
        (400, Outcome.DROP, None),
        (401, Outcome.HOLD, "unauthorized"),
        (403, Outcome.HOLD, "forbidden"),
        (404, Outcome.HOLD, "not_found"),
        (407, Outcome.HOLD, "proxy_authentication"),
        (408, Outcome.RETRY, None),
        (413, Outcome.SPLIT, None),
        (415, Outcome.DROP, None),
        (422, Outcome.DROP, None),
        (429, Outcome.RETRY, None),
        (500, Outcome.RETRY, None),
        (502, Outcome.RETRY, None),
        (503, Outcome.RETRY, None),
        (504, Outcome.RETRY, None),
    ],
)
def test_the_table(status: int, outcome: Outcome, held: str | None) -> None:
    assert judge(Answer(status)) == Verdict(outcome, held)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("2", 2), ("0", 0), ("-3", 0), ("0.5", 0.5), ("1000", 60), ("nan", None), ("inf", None), ("soon", None)],
)
def test_retry_after_in_seconds(written: str, seconds: float | None) -> None:
    assert judge(Answer(503, {"retry-after": written})).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    seconds = judge(Answer(429, {"retry-after": date})).retry_after
    assert seconds == pytest.approx(10, abs=1.5)
    assert judge(Answer(429, {"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT"})).retry_after == 0
    nowhen = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
    assert judge(Answer(429, {"retry-after": nowhen})).retry_after is None
