"""The docs name everything that the code spells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infraprism import semconv

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
BACKENDS = (ROOT / "docs" / "backends.md").read_text()
NAMES = {name: value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "SCHEMA_URL"])
def test_every_name_is_documented(name: str) -> None:
    assert f"`{NAMES[name]}" in REFERENCE + BACKENDS


@pytest.mark.parametrize("name", [other for names in semconv.SPELLINGS.values() for other in names])
def test_every_other_spelling_is_documented(name: str) -> None:
    assert f"`{name}`" in REFERENCE


def test_every_reason_to_drop_something_is_documented() -> None:
    sources = [path.read_text() for path in (ROOT / "src").rglob("*.py") if "collector" not in path.parts]
    used = {reason for text in sources for reason in re.findall(r'(?:drop|guarded)\(\s*"(\w+)"', text)}
    table = REFERENCE.partition("## What can be lost")[2].partition("\n## ")[0]
    assert used == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_links_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("e*/**/*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.relative_to(ROOT)}: {link}"
