"""The `infraprism` command."""
