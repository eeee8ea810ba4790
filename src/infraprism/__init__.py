"""InfraPrism: what every AI conversation costs, on OpenTelemetry.

Importing it loads neither `openai` nor the OpenTelemetry SDK; the names that need them load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

from infraprism import session_events as session_events
from infraprism.sessions import (
    Budget,
    BudgetExceededError,
    Identity,
    Overrun,
    Session,
    SessionLogFilter,
    carry,
    session,
    set_budgets,
    structlog_processor,
    with_baggage,
)

if TYPE_CHECKING:
    from infraprism.openai import InfraPrismInstrumentor
    from infraprism.openai.client import AsyncInfraPrismOpenAI, InfraPrismOpenAI
    from infraprism.sessions.executor import CarryingExecutor
    from infraprism.tracing import CallCost, SessionCostProcessor, Totals, on_cost, session_total

__all__ = [
    "AsyncInfraPrismOpenAI",
    "Budget",
    "BudgetExceededError",
    "CallCost",
    "CarryingExecutor",
    "Identity",
    "InfraPrismInstrumentor",
    "InfraPrismOpenAI",
    "Overrun",
    "Session",
    "SessionCostProcessor",
    "SessionLogFilter",
    "Totals",
    "carry",
    "on_cost",
    "session",
    "session_total",
    "set_budgets",
    "structlog_processor",
    "with_baggage",
]

_LAZY = {
    "AsyncInfraPrismOpenAI": "infraprism.openai.client",
    "CallCost": "infraprism.tracing",
    "CarryingExecutor": "infraprism.sessions.executor",
    "InfraPrismInstrumentor": "infraprism.openai",
    "InfraPrismOpenAI": "infraprism.openai.client",
    "SessionCostProcessor": "infraprism.tracing",
    "Totals": "infraprism.tracing",
    "on_cost": "infraprism.tracing",
    "session_total": "infraprism.tracing",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
