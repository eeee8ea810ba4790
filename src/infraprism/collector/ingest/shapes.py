"""Which attributes a span has, by their names: the spans of one program have few different sets. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

from infraprism import semconv

#: What begins like a part of a cost, and is none.
_NO_PARTS: Final = frozenset(
    {
        semconv.COST_AMOUNT,
        semconv.COST_STATUS,
        semconv.COST_CURRENCY,
        semconv.COST_SOURCE,
        semconv.COST_PRICE_VERSION,
        semconv.COST_QUANTITIES,
        semconv.COST_EFFECTIVE_FROM,
        semconv.COST_ADJUSTMENT_PERCENT,
    }
)
#: How the names of ours begin.
_OURS: Final = "infraprism."


class Shape(NamedTuple):
    """What the names of a span's attributes tell."""

    tags: tuple[str, ...]
    parts: tuple[str, ...]
    has_usage: bool
    #: The conventions' names, and how they are spelt there.
    spelt_otherwise: tuple[tuple[str, str], ...]


def shape_of(values: dict[str, Any]) -> Shape:
    """The shape of these attributes, by their names."""
    names = tuple(values)
    # What is remembered must not be large.
    return _shape(names) if sum(map(len, names)) <= 10_000 else _shape.__wrapped__(names)


@lru_cache(512)
def _shape(names: tuple[str, ...]) -> Shape:
    spelt_otherwise = []
    for name, others in semconv.SPELLINGS.items():
        other = next((other for other in others if other in names), None)
        if other is not None and name not in names:
            spelt_otherwise.append((name, other))
    tag, cost = semconv.TAG_PREFIX, semconv.COST_PREFIX
    ours = [name for name in names if name.startswith(_OURS)]
    return Shape(
        tuple(name for name in ours if name.startswith(tag) and name != tag),
        tuple(name for name in ours if name.startswith(cost) and name not in _NO_PARTS),
        any(name.startswith(semconv.USAGE_PREFIX) for name in ours),
        tuple(spelt_otherwise),
    )
