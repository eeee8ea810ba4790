"""The collector's own log says where something failed, and never what was in it."""

from __future__ import annotations

import json
import logging
import re

import pytest

from infraprism.collector.logs import JsonFormatter, TextFormatter

SECRET = "my card number is 4111"


def failed(formatter: logging.Formatter) -> str:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        record = logging.makeLogRecord(
            {
                "name": "uvicorn.error",
                "levelname": "ERROR",
                "msg": "could not %s",
                "args": ("answer",),
                "exc_info": (type(error), error, error.__traceback__),
            }
        )
    return formatter.format(record)


def test_json_lines() -> None:
    line = failed(JsonFormatter())

    assert "\n" not in line
    read = json.loads(line)
    assert re.fullmatch(r"20\d\d-\S+\+00:00", read.pop("time"))
    (place,) = read.pop("at")
    assert re.fullmatch(r"test_logs\.py:\d+ failed", place)
    assert read == {
        "level": "error",
        "logger": "uvicorn.error",
        "message": "could not answer",
        "exception": "ValueError",
    }


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_an_exception_is_not_quoted(formatter: logging.Formatter) -> None:
    text = failed(formatter)

    assert SECRET not in text
    assert "ValueError" in text
