"""The session a call belongs to, carried in OpenTelemetry's Context so that it follows threads and tasks as
spans do. The key is our own: nothing of it is ever sent to a model provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from infraprism import guard, semconv, settings
from infraprism.sessions import nesting
from infraprism.sessions.identity import NOBODY, Id, Identity, identify
from infraprism.sessions.placing import mode_in, with_mode
from infraprism.settings import SESSION_MODES, SessionMode

_KEY = otel_context.create_key("infraprism.identity")
_entering: list[Callable[[], None]] = []
_innermost: ContextVar[_Entered | None] = ContextVar("infraprism.entered", default=None)


def identity_in(context: Context | None = None) -> Identity:
    """The identity that `context` (by default the current one) carries, else the environment's."""
    carried = (otel_context.get_current() if context is None else context).get(_KEY)
    return carried if isinstance(carried, Identity) else from_environment()


def with_identity(identity: Identity, context: Context) -> Context:
    """A copy of `context` that carries `identity`."""
    return otel_context.set_value(_KEY, identity, context)


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
        except ValueError:
            return False
        otel_context.detach(self._token)
        return True


class session:  # noqa: N801 - reads as the statement it is: `with session("conv-123"):`
    """Give every call and span inside the block its session, entity and tags.

    Works as ``with`` and as ``async with``. Blocks nest: the inner one wins, tags of both apply, and keyword
    arguments of a call win over any block.

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
        session_id: Id | None = None,
        *,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        mode: SessionMode | None = None,
    ) -> None:
        self._given = identify(session_id, entity_type, entity_id, tags)
        if mode is not None and mode not in SESSION_MODES:
            raise ValueError("mode must be 'join', 'nest' or 'link'")
        self._mode = mode
        self._entered: list[_Entered] = []

    def __enter__(self) -> Identity:
        """Enter the session; gives the identity that calls inside it have."""
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
