"""Charts as SVG in the page, drawn by pygal; colours and fonts are the style sheet's.

Each has its numbers in a table beside it. The drawing is for the eye alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final
from xml.etree import ElementTree

import pygal
from markupsafe import Markup

Points = Sequence[Decimal | int | None]
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
    for node in list(root.iter()):
        if isinstance(node.tag, str):  # of a comment it is a function
            node.tag = node.tag.rpartition("}")[2]
        for child in list(node):
            if _is_left_out(child):
                node.remove(child)
        _name_by_value(node)
    shape = {name: root.get(name) for name in ("class", "viewBox")}
    root.attrib.clear()
    root.attrib.update({**shape, "aria-hidden": "true", "focusable": "false"})
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - the texts in it are escaped


def _is_left_out(node: Any) -> bool:
    """Styles and scripts, which the content security policy refuses inside of a page, and what needs them."""
    if not isinstance(node.tag, str):
        return True
    return node.tag.rpartition("}")[2] in ("defs", "title") or "tooltip-overlay" in node.get("class", "")


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
