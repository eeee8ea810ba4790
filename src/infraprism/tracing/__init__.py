"""The span processor, the running totals, and the attachment to a tracer provider."""

from infraprism.tracing.attach import SessionIdGenerator, tracer_of
from infraprism.tracing.ledger import Ledger, Totals, process_ledger
from infraprism.tracing.processor import SessionCostProcessor

__all__ = ["Ledger", "SessionCostProcessor", "SessionIdGenerator", "Totals", "process_ledger", "tracer_of"]
