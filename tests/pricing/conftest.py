"""The price list is large: it is loaded before the first test, whose time it would take up."""

from infraprism.pricing import rates

rates._match("openai", "gpt-4o")
