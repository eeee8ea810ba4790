"""The session a call belongs to, carried in OpenTelemetry's Context so that it follows threads and tasks as
spans do. The key is our own: nothing of it is ever sent to a model provider.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from types import TracebackType
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from infraprism import guard, semconv, settings
from infraprism.sessions import baggage, nesting
from infraprism.sessions.decorator import Function, OfCall, decorate
from infraprism.sessions.identity import NOBODY, Id, Identity, identify
from infraprism.sessions.placing import mode_in, with_mode
from infraprism.settings import SESSION_MODES, SessionMode

_KEY = otel_context.create_key("infraprism.identity")
_entering: list[Callable[[], None]] = []
_innermost: ContextVar[_Entered | None] = ContextVar("infraprism.entered", default=None)


def identity_in(context: Context | None = None) -> Identity:
    """The identity that `context` (by default the current one) carries, else the environment's.

    Where `INFRAPRISM_BAGGAGE` lets some of the context's baggage in, that is inside of the environment's.
    """
    if context is None:
        context = otel_context.get_current()
    carried = context.get(_KEY)
    if carried is not None:
        return cast("Identity", carried)
    keys = settings.current().baggage
    found = baggage.read(keys, context) if keys and context else None
    return from_environment() if found is None else found.inside(from_environment())


def with_identity(identity: Identity, context: Context) -> Context:
    """A copy of `context` that carries `identity`."""
    return otel_context.set_value(_KEY, identity, context)


def with_baggage(context: Context | None = None) -> Context:
    """A copy of `context`, by default of the current one, whose identity is also in its baggage.

    Only the keys that `INFRAPRISM_BAGGAGE` names; without it nothing. Meant for a request to a service of
    your own: ``propagate.inject(headers, context=with_baggage())``. It is not attached, so that no other
    request sends it.
    """
    if context is None:
        context = otel_context.get_current()
    return baggage.write(settings.current().baggage, identity_in(context), context)


def on_entering(callback: Callable[[], None]) -> None:
    """Have `callback` called whenever a session is entered; it must not raise. Once per callback."""
    if callback not in _entering:
        _entering.append(callback)


@cache
def from_environment() -> Identity:
    """The identity that `INFRAPRISM_SESSION_ID` and its kin give everything in this process.

    A variable that cannot be used is left out, with one logged warning that names it.
    """
    known = settings.current()
    problems = list(known.problems)
    result = NOBODY
    for argument, name, value in (
        ("session_id", semconv.SETTING_SESSION_ID, known.session_id),
        ("entity_type", semconv.SETTING_ENTITY_TYPE, known.entity_type),
        ("entity_id", semconv.SETTING_ENTITY_ID, known.entity_id),
        ("tags", semconv.SETTING_TAGS, known.tags),
    ):
        if value is None:
            continue
        try:
            given = _tags(value) if argument == "tags" else value
            result = identify(**{argument: given}).inside(result)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    for problem in problems:
        guard.logger.warning("infraprism: %s; it is ignored", problem)
    return result


def _tags(value: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError("tags must be written key=value,key=value")
    return {key.strip(): text.strip() for key, _, text in pairs}


class _Entered:
    """A block that was entered, in the blocks around it."""

    __slots__ = ("_flow", "_token", "left", "outer", "span")

    def __init__(self, inside: Context, span: nesting.SessionSpan | None) -> None:
        self.span = span
        self.left = False
        self.outer = _innermost.get()
        self._flow = _innermost.set(self)
        self._token = otel_context.attach(inside)

    def give_back(self) -> bool:
        """Give back the context in which it was entered; False where this is not the flow that entered it."""
        try:
            _innermost.reset(self._flow)
        except (RuntimeError, ValueError):  # given back where it was entered; entered elsewhere
            return False
        otel_context.detach(self._token)
        return True


class session:  # noqa: N801 - reads as the statement it is: `with session("conv-123"):`
    """Give every call and span inside the block its session, entity and tags.

    Works as ``with`` and as ``async with``. Blocks nest: the inner one wins, tags of both apply, and keyword
    arguments of a call win over any block. As a decorator it is a block around each call of a function (sync,
    async, generator or async generator); there, an argument can also be a function that is given the call's
    arguments by name.

    Args:
        session_id: the app's own id of the conversation: str, int or `uuid.UUID`, at most 200 characters.
        entity_type: who the cost belongs to: ``customer``, ``team``, ``feature``, ``user`` …
        entity_id: which one: str, int or `uuid.UUID`, at most 200 characters.
        tags: small labels, str to str.
        mode: how sessions map to traces in this block: ``join``, ``nest`` or ``link``; by default as
            `INFRAPRISM_SESSION_MODE` says.

    Raises:
        TypeError, ValueError: at once, naming the argument that is wrong.
    """

    def __init__(
        self,
        session_id: Id | OfCall | None = None,
        *,
        entity_type: str | OfCall | None = None,
        entity_id: Id | OfCall | None = None,
        tags: Mapping[str, str] | OfCall | None = None,
        mode: SessionMode | None = None,
    ) -> None:
        #: The arguments, where one of them is only known when the decorated function is called.
        self._of_call: tuple[Any, ...] | None = None
        if callable(session_id) or callable(entity_type) or callable(entity_id) or callable(tags):
            self._of_call = given = (session_id, entity_type, entity_id, tags)
            self._given = identify(*(None if callable(value) else value for value in given))
        else:
            self._given = identify(session_id, entity_type, entity_id, tags)
        if mode is not None and mode not in SESSION_MODES:
            raise ValueError("mode must be 'join', 'nest' or 'link'")
        self._mode = mode
        self._entered: list[_Entered] = []

    def __call__(self, function: Function) -> Function:
        """Decorate `function`: each call of it is a block of its own."""
        return decorate(function, self if self._of_call is None else self._for)

    def _for(self, call: Mapping[str, Any]) -> session:
        assert self._of_call is not None
        block = copy.copy(self)
        block._of_call, block._entered = None, []
        block._given = identify(*(value(call) if callable(value) else value for value in self._of_call))
        return block

    def __enter__(self) -> Identity:
        """Enter the session; gives the identity that calls inside it have."""
        if self._of_call is not None:
            raise TypeError("an argument that is a function of a call's arguments is for a decorator")
        for callback in _entering:
            callback()
        current = otel_context.get_current()
        identity = self._given.inside(identity_in(current))
        inside = with_identity(identity, current)
        if self._mode is not None:
            inside = with_mode(self._mode, inside)
        span = nesting.open_span(identity, inside) if mode_in(inside) == "nest" else None
        if span is not None:
            inside = span.context
        self._entered.append(_Entered(inside, span))
        return identity

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the session; the caller's exception passes through."""
        # One object can be entered by several threads and tasks at once: each leaves what it entered.
        entered = _innermost.get()
        while entered is not None and entered not in self._entered:
            entered = entered.outer
        if entered is None:
            entered = self._entered[-1]
        self._entered.remove(entered)
        entered.left = True
        # A generator can end its block inside of one that its caller entered since: the caller's stays, and
        # those that were left before are given back with it.
        while (inner := _innermost.get()) is not None and inner.left and inner.give_back():
            pass
        if entered.span is not None:
            entered.span.end(error)

    async def __aenter__(self) -> Identity:
        """As `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`."""
        self.__exit__(kind, error, traceback)
