"""The documentation names every setting, every reason and every metric of the exporter."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_args

from infraprism_exporter_otlp import counts, meters, settings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "exporter.md").read_text()


def section(title: str) -> str:
    return re.split(r"\n##+ ", DOCUMENT.partition(f"# {title}\n")[2])[0]


def test_the_settings() -> None:
    variables = {value for value in vars(settings).values() if str(value).startswith("INFRAPRISM_")}
    arguments = set(inspect.signature(settings.load).parameters) - {"signal"}
    named = set(re.findall(r"`(\w+)`", section("Settings")))
    assert variables | arguments <= named


def test_the_reasons() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section("What can be lost"), re.MULTILINE) == list(
        get_args(counts.DropReason)
    )
    assert set(get_args(counts.HeldReason)) <= set(re.findall(r"`(\w+)`", section("What an answer means")))


def test_the_metrics() -> None:
    made = set(re.findall(r'"(infraprism\.spool\.\w+)"', inspect.getsource(meters)))
    assert set(re.findall(r"^\| `(infraprism\.spool\.\w+)`", section("Metrics"), re.MULTILINE)) == made
