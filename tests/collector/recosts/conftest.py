"""Every answer is the same from either store."""

from __future__ import annotations

import pytest

from infraprism.collector.store.interface import Store


@pytest.fixture
def store(any_store: Store) -> Store:
    return any_store
