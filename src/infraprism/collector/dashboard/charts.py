"""Charts as SVG in the page, drawn by pygal; colours and fonts are the style sheet's.

Each has its numbers in a table beside it. The drawing is for the eye alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final
from xml.etree import ElementTree

import pygal
from markupsafe import Markup

Points = Sequence[Decimal | int | None]
_SVG: Final = "{http://www.w3.org/2000/svg}"
#: Labels that fit beside each other below the axis.
_MOST_LABELS: Final = 8


def bars(labels: Sequence[str], name: str, points: Points, shown: Callable[[Any], str]) -> Markup:
    """One bar for each label; `shown` writes a number as text."""
    return _drawn(pygal.Bar(**_options(labels, shown)), labels, {name: points})


def lines(labels: Sequence[str], series: dict[str, Points], shown: Callable[[Any], str]) -> Markup:
    """One line for each series; where a point is None it is broken."""
    chart = pygal.Line(**_options(labels, shown), dots_size=2, allow_interruptions=True)
    return _drawn(chart, labels, series)


def _options(labels: Sequence[str], shown: Callable[[Any], str]) -> dict[str, Any]:
    return {
        "width": 720,
        "height": 220,
        "margin": 8,
        "spacing": 6,
        "show_legend": False,
        "js": (),
        "value_formatter": shown,
        "x_labels_major_every": -(-len(labels) // _MOST_LABELS) or 1,
        "show_minor_x_labels": False,
        "truncate_label": -1,
        "include_x_axis": True,
        "min_scale": 3,
        "max_scale": 5,
        "no_data_text": "nothing to draw",
    }


def _drawn(chart: Any, labels: Sequence[str], series: dict[str, Points]) -> Markup:
    chart.x_labels = list(labels)
    for name, points in series.items():
        chart.add(name, [None if point is None else float(point) for point in points])
    root = chart.render_tree()
    # Styles and scripts inside of a page are refused by its content security policy.
    for parent in list(root.iter()):
        for child in list(parent):
            if (
                child.tag in (_SVG + "defs", _SVG + "title", "defs", "title")
                or child.tag is ElementTree.Comment
            ) or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    for group in root.iter():
        _name_by_value(group)
    for attribute in ("id", "{http://www.w3.org/1999/xlink}href"):
        root.attrib.pop(attribute, None)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    text = ElementTree.tostring(root, encoding="unicode")
    return Markup(re.sub(r"(</?)(?:ns\d+|svg):|\sxmlns(?::\w+)?=\"[^\"]*\"", r"\1", text))  # noqa: S704


def _name_by_value(group: Any) -> None:
    """What is under the pointer is told by the browser's own tooltip."""
    told = {child.get("class"): child for child in group if str(child.tag).endswith("desc")}
    if not told:
        return
    value, label = told.get("value"), told.get("x_label")
    for child in told.values():
        group.remove(child)
    if value is not None:
        title = ElementTree.SubElement(group, "title")
        title.text = value.text if label is None else f"{label.text}: {value.text}"
