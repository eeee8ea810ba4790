import os

import pytest

from infraprism import settings
from infraprism.sessions import from_environment


@pytest.fixture
def environment(monkeypatch):
    """Sets variables for what is read from here on."""

    def use(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"INFRAPRISM_{name}", value)
        settings.current.cache_clear()
        from_environment.cache_clear()

    for name in [name for name in os.environ if name.startswith("INFRAPRISM_")]:
        monkeypatch.delenv(name)
    use()
    yield use
    monkeypatch.undo()
    settings.current.cache_clear()
    from_environment.cache_clear()
