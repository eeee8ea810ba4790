"""Stored calls priced again, and what became of that."""
