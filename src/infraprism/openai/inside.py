"""The context that a call's request is made in: attached while the client's method runs, and given back."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry.context import Context

if TYPE_CHECKING:
    from infraprism.openai.call import Call

#: The call whose request is under way in this context.
current: ContextVar[Call | None] = ContextVar("infraprism.call", default=None)


class Inside:
    """Attaches `context`, with `call` under way in it, until `leave`."""

    __slots__ = ("_outer", "_token")

    def __init__(self, context: Context, call: Call | None) -> None:
        self._outer: Token[Call | None] | None = current.set(call)
        self._token: Token[Context] = otel_context.attach(context)

    def leave(self) -> None:
        """Give the caller's context back; the second time, nothing."""
        outer, self._outer = self._outer, None  # it holds the caller's context
        if outer is None:
            return
        try:
            current.reset(outer)
        except ValueError:
            return  # a coroutine that is closed in another context: there is nothing to give back there
        otel_context.detach(self._token)
