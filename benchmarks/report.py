"""The tables of a run: microseconds, ratios, what each variant records, and the aims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from variants import BARE, FLOOR, OURS, PEERS

ROWS = {
    "call": "sync call",
    "async call": "async call",
    "chunk": "sync stream, per chunk",
    "async chunk": "async stream, per chunk",
    "unsampled": "unsampled sync call",
    "content": "sync call, content on",
    "cpu": "sync call, all CPU",
    "start": "start-up",
}
#: The aims: of the lightest peer, microseconds, of a sampled call.
OF_PEER, CHUNK, UNSAMPLED = 0.4, 2.0, 0.3


@dataclass
class Results:
    """What a run has found."""

    rounds: int
    #: Why a peer has no numbers.
    left_out: dict[str, str] = field(default_factory=dict)
    #: What `measure.check` found of each variant.
    checked: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    #: Microseconds of each variant and row, the client's own included.
    medians: dict[str, dict[str, float]] = field(default_factory=dict)

    def added(self, variant: str, row: str) -> float | None:
        """Microseconds that a variant adds to the bare client; None where it does not record such calls."""
        spans = self.checked.get(variant, {}).get("spans", {})
        if spans.get(row, 1) == 0:
            return None
        return self.medians[variant][row] - self.medians[BARE][row]


def report(results: Results) -> str:
    """All that is to be said of a run."""
    columns = [name for name in (OURS, FLOOR, *PEERS) if name in results.medians]
    bare = results.medians[BARE]
    lines = [
        f"medians of {results.rounds} rounds; openai {version('openai')}, SDK {version('opentelemetry-sdk')}",
        f"the bare client: {bare['call']:.0f} µs a call ({bare['async call']:.0f} async), "
        f"{bare['chunk']:.1f} µs a chunk ({bare['async chunk']:.1f}), {bare['start'] / 1e3:.0f} ms to import",
        "",
        *_table("adds, µs", columns, lambda column, row: _number(results.added(column, row))),
        "",
        *_table("infraprism to …", columns, lambda column, row: _ratio(results, column, row)),
        "",
        *_records(results),
        "",
        *_aims(results),
    ]
    return "\n".join(lines)


def _table(title: str, columns: list[str], cell: Callable[[str, str], str]) -> list[str]:
    widths = [max(len(column), 7) + 2 for column in columns]
    lines = [f"{title:26}" + "".join(f"{c:>{w}}" for c, w in zip(columns, widths, strict=True))]
    for row, label in ROWS.items():
        cells = (f"{cell(c, row):>{w}}" for c, w in zip(columns, widths, strict=True))
        lines.append(f"{label:26}" + "".join(cells))
    return lines


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _ratio(results: Results, column: str, row: str) -> str:
    ours, theirs = results.added(OURS, row), results.added(column, row)
    # Of next to nothing there is no ratio to tell.
    return "-" if ours is None or theirs is None or theirs < 0.5 else f"{ours / theirs:.2f}"


def _records(results: Results) -> list[str]:
    lines = []
    for variant, checked in results.checked.items():
        named = f"{variant} {results.versions.get(variant, '')}".strip()
        content = {
            (False, False): "never",
            (False, True): "when asked to",
            (True, False): "unless told not to",
            (True, True): "always",
        }[checked["content"]]
        lines.append(f"{named}: {len(checked['metrics'])} metrics per call; messages on the span: {content}")
    lines += [f"{variant}: left out, {reason}" for variant, reason in results.left_out.items()]
    return lines


def _aims(results: Results) -> list[str]:
    def line(text: str, value: float, limit: float) -> str:
        if value <= 0:
            return f"?      {value:6.2f}, aim {limit}: {text}; the noise is greater than what is measured"
        return f"{'met' if value <= limit else 'MISSED':7}{value:6.2f}, aim {limit}: {text}"

    ours = results.added(OURS, "call") or 0.0
    measuring = {
        peer: added
        for peer in PEERS
        if results.checked.get(peer, {}).get("metrics") and (added := results.added(peer, "call")) is not None
    }
    lines = []
    if measuring:
        lightest = min(measuring, key=lambda peer: measuring[peer])
        text = f"of the lightest peer that records metrics per call too, {lightest}"
        lines.append(line(text, ours / measuring[lightest] if measuring[lightest] > 0 else 0.0, OF_PEER))
    chunk = max(results.added(OURS, row) or 0.0 for row in ("chunk", "async chunk"))
    lines.append(line("µs per chunk, of the dearer of sync and async", chunk, CHUNK))
    unsampled = (results.added(OURS, "unsampled") or 0.0) / ours if ours > 0 else 0.0
    lines.append(line("of a sampled call, for an unsampled one", unsampled, UNSAMPLED))
    return lines
