"""Charts as SVG that a strict content security policy lets through."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from infraprism.collector.dashboard import charts


def read(chart: Markup) -> tuple[Any, list[str | None]]:
    """The drawing, and what each thing in it says under the pointer."""
    root = ElementTree.fromstring(chart)
    return root, [title.text for title in root.iter("title")]


def test_bars_say_what_they_are_and_style_nothing_themselves() -> None:
    chart = charts.bars(["1 Nov", "<b>"], "spend", [Decimal("0.5"), 2], lambda amount: f"${amount:g}")
    root, told = read(chart)

    assert told == ["1 Nov: $0.5", "<b>: $2"]
    assert len([one for one in root.iter("rect") if "rect" in one.get("class", "").split()]) == 2
    assert root.attrib == {
        "class": "pygal-chart",
        "viewBox": "0 0 720 220",
        "aria-hidden": "true",
        "focusable": "false",
    }
    assert {"style", "script", "defs"}.isdisjoint(node.tag for node in root.iter())
    assert not [node for node in root.iter() if "style" in node.attrib or "onload" in node.attrib]


def test_a_line_is_broken_where_nothing_is_known() -> None:
    points: Sequence[int | None] = [1, 2, None, 3, 4]
    root, told = read(charts.lines(list("abcde"), {"one": points, "two": [5, 4, 3, 2, 1]}, str))

    values = [text for text in told if text]
    assert values[:4] == ["a: 1.0", "b: 2.0", "d: 3.0", "e: 4.0"]
    assert values[4:] == ["a: 5.0", "b: 4.0", "c: 3.0", "d: 2.0", "e: 1.0"]
    drawn = [one.get("d", "") for one in root.iter("path") if "nofill" in one.get("class", "")]
    assert len([path for path in drawn if path]) == 3


def test_nothing_can_be_drawn_too() -> None:
    root, told = read(charts.bars([], "spend", [], str))
    assert told == []
    assert "nothing to draw" in "".join(root.itertext())
