"""The span processor, the running totals, and the attachment to a tracer provider."""

from infraprism.tracing.attach import Connection, SessionIdGenerator, connect
from infraprism.tracing.bag import AttributeValue
from infraprism.tracing.callbacks import CallCost, on_cost
from infraprism.tracing.ledger import Ledger, Totals, process_ledger, session_total
from infraprism.tracing.processor import SessionCostProcessor

__all__ = [
    "AttributeValue",
    "CallCost",
    "Connection",
    "Ledger",
    "SessionCostProcessor",
    "SessionIdGenerator",
    "Totals",
    "connect",
    "on_cost",
    "process_ledger",
    "session_total",
]
