"""Session, entity and tags in OpenTelemetry's Context."""

from infraprism.sessions.attributes import attributes
from infraprism.sessions.baggage import without_baggage
from infraprism.sessions.budgets import Budget, BudgetExceededError, Hold, Overrun, keeper, set_budgets
from infraprism.sessions.carry import carry
from infraprism.sessions.context import (
    from_environment,
    identity_in,
    on_entering,
    session,
    with_baggage,
    with_identity,
)
from infraprism.sessions.conversation import Session
from infraprism.sessions.identity import MAX_ID_LENGTH, MAX_TAGS, NOBODY, Id, Identity, identify
from infraprism.sessions.life import on_ended, on_started
from infraprism.sessions.logs import SessionLogFilter, structlog_processor
from infraprism.sessions.nesting import Recorder, record_through
from infraprism.sessions.placing import Placement, place, started
from infraprism.sessions.trace_ids import Generation, starting, trace_id_of

__all__ = [
    "Budget",
    "BudgetExceededError",
    "Generation",
    "Hold",
    "Id",
    "Identity",
    "MAX_ID_LENGTH",
    "MAX_TAGS",
    "NOBODY",
    "Overrun",
    "Placement",
    "Recorder",
    "Session",
    "SessionLogFilter",
    "attributes",
    "carry",
    "from_environment",
    "identify",
    "identity_in",
    "keeper",
    "on_ended",
    "on_entering",
    "on_started",
    "place",
    "record_through",
    "session",
    "set_budgets",
    "started",
    "starting",
    "structlog_processor",
    "trace_id_of",
    "with_baggage",
    "with_identity",
    "without_baggage",
]
