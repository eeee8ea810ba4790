"""What calls can be grouped by, as SQL."""

from __future__ import annotations

from typing import Final

from infraprism.collector.store import dialect
from infraprism.collector.store.questions.asked import Asked

MODEL: Final = "coalesce(response_model, request_model)"
#: What is grouped by → the fields of its key, and the expression of each.
COLUMNS: Final = {
    "entity": {"entity_type": "entity_type", "entity_id": "entity_id"},
    "entity_type": {"entity_type": "entity_type"},
    "model": {"provider": "provider", "model": MODEL},
    "provider": {"provider": "provider"},
    "tier": {"tier": "service_tier"},
    "operation": {"operation": "operation"},
    "part": {"part": "part"},
}
TAG: Final = "tag."


def key(by: str, asked: Asked) -> dict[str, str]:
    """The fields of the key that `by` makes, each with its expression."""
    if by.startswith(TAG):
        return {by: dialect.at("tags", asked.bind(by.removeprefix(TAG)))}
    return COLUMNS[by]
