"""Budgets: what may be spent, what was, and what is reserved for calls under way."""

from infraprism.sessions.budgets.budget import Budget, BudgetExceededError, Overrun
from infraprism.sessions.budgets.keeper import Hold, keeper, set_budgets

__all__ = ["Budget", "BudgetExceededError", "Hold", "Overrun", "keeper", "set_budgets"]
