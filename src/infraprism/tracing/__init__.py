"""The span processor, the running totals, and the attachment to a tracer provider."""

from infraprism.tracing.attach import Connection, SessionIdGenerator, connect
from infraprism.tracing.bag import AttributeValue
from infraprism.tracing.ledger import Ledger, Totals, process_ledger
from infraprism.tracing.processor import SessionCostProcessor

__all__ = [
    "AttributeValue",
    "Connection",
    "Ledger",
    "SessionCostProcessor",
    "SessionIdGenerator",
    "Totals",
    "connect",
    "process_ledger",
]
