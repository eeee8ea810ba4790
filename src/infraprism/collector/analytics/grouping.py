"""What answers can be grouped by, as kinds of parameters."""

from __future__ import annotations

from typing import Final

from infraprism.collector.analytics.declared import Kind
from infraprism.collector.store.questions.groups import TAG


def _kind(*words: str) -> Kind:
    def read(text: str) -> str:
        if text not in words and (not text.startswith(TAG) or text == TAG):
            raise ValueError(f"must be one of {', '.join(words)}, {TAG}<key>")
        return text

    schema = {"type": "string", "anyOf": [{"enum": list(words)}, {"pattern": r"^tag\.(.|\n)+$"}]}
    return Kind(schema, read)


METRIC_GROUPS: Final = _kind("entity_type", "entity", "model", "provider", "tier")
COST_GROUPS: Final = _kind("entity", "entity_type", "model", "provider", "tier", "operation", "part")
