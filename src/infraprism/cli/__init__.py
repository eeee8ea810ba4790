"""The `infraprism` command."""

from infraprism.cli.main import main

__all__ = ["main"]
