"""The session a call belongs to, carried in OpenTelemetry's Context so that it follows threads and tasks as
spans do. The key is our own: nothing of it is ever sent to a model provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from functools import cache
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from infraprism import guard, semconv, settings
from infraprism.sessions.identity import NOBODY, Id, Identity, identify

_KEY = otel_context.create_key("infraprism.identity")
_entering: list[Callable[[], None]] = []


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


class session:  # noqa: N801 - reads as the statement it is: `with session("conv-123"):`
    """Give every call and span inside the block its session, entity and tags.

    Works as ``with`` and as ``async with``. Blocks nest: the inner one wins, tags of both apply, and keyword
    arguments of a call win over any block.

    Args:
        session_id: the app's own id of the conversation: str, int or `uuid.UUID`, at most 200 characters.
        entity_type: who the cost belongs to: ``customer``, ``team``, ``feature``, ``user`` …
        entity_id: which one: str, int or `uuid.UUID`, at most 200 characters.
        tags: small labels, str to str.

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
    ) -> None:
        self._given = identify(session_id, entity_type, entity_id, tags)
        #: How to leave each context that was entered, by the context's id.
        self._tokens: dict[int, Token[Context]] = {}

    def __enter__(self) -> Identity:
        """Enter the session; gives the identity that calls inside it have."""
        for callback in _entering:
            callback()
        current = otel_context.get_current()
        identity = self._given.inside(identity_in(current))
        inside = with_identity(identity, current)
        self._tokens[id(inside)] = otel_context.attach(inside)
        return identity

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the session; the caller's exception passes through."""
        # One object can be entered by several threads and tasks at once: each leaves what it entered. Where
        # somebody inside did not give back the context, the last one entered is left.
        token = self._tokens.pop(id(otel_context.get_current()), None)
        otel_context.detach(self._tokens.popitem()[1] if token is None else token)

    async def __aenter__(self) -> Identity:
        """As `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`."""
        self.__exit__(kind, error, traceback)
