"""Budgets that several processes share: defined, held, watched, told of."""
