"""What the client's methods are wrapped in: thin shells around the life of a call."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import wrapt

from infraprism.openai.engine import Engine
from infraprism.openai.results import observe
from infraprism.openai.surfaces import Surface
from infraprism.sessions import identify

_SESSION_ARGUMENTS = ("session_id", "entity_type", "entity_id", "tags")

Shell = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


def sync_shell(engine: Engine, surface: Surface) -> Shell:
    """The shell of a sync method."""

    def shell(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not engine.serves(instance):
            return wrapped(*args, **kwargs)
        call = engine.begin(surface, instance, kwargs)
        if call is None:
            return wrapped(*args, **kwargs)
        while True:
            try:
                result = wrapped(*args, **call.arguments)
            except BaseException as error:
                if not call.again(error):
                    raise
            else:
                call.leave()
                observe(call, result)
                return result

    return shell


def async_shell(engine: Engine, surface: Surface) -> Shell:
    """The shell of an async method."""

    async def run(call_of: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = await engine.begin_async(surface, instance, kwargs)
        if call is None:
            return await call_of(*args, **kwargs)
        while True:
            try:
                result = await call_of(*args, **call.arguments)
            except BaseException as error:
                if not call.again(error):
                    raise
            else:
                call.leave()
                observe(call, result)
                return result

    def shell(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not engine.serves(instance):
            return wrapped(*args, **kwargs)
        if _is_the_clients(wrapped):
            # It refuses wrong arguments as it is called, not as it is awaited.
            try:
                wrapped(*args, **_without_session(kwargs)).close()
            except TypeError as error:
                call = engine.begin(surface, instance, kwargs, asks=False)
                if call is not None:
                    call.again(error)
                raise
        coroutine: Any = run(wrapped, instance, args, kwargs)
        coroutine.__name__, coroutine.__qualname__ = wrapped.__name__, wrapped.__qualname__
        return coroutine

    return shell


def _is_the_clients(method: Any) -> bool:
    """Whether a bound method is the client's own: what others have put there may begin things when called."""
    module = getattr(getattr(method, "__func__", None), "__globals__", {}).get("__name__")
    return isinstance(module, str) and module.startswith("openai.")


def _without_session(arguments: dict[str, Any]) -> dict[str, Any]:
    if arguments.keys().isdisjoint(_SESSION_ARGUMENTS):
        return arguments
    return {name: value for name, value in arguments.items() if name not in _SESSION_ARGUMENTS}


def helper_shell(engine: Engine) -> Shell:
    """The shell of a helper such as ``stream()``: hands its session arguments to the call it makes later."""

    def shell(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not engine.serves(instance):
            return wrapped(*args, **kwargs)
        given = {name: kwargs.pop(name) for name in _SESSION_ARGUMENTS if name in kwargs}
        if not given:
            return wrapped(*args, **kwargs)
        identify(**given)  # a wrong one is reported here, where it was passed
        proxy = _WithIdentity if hasattr(instance, "create") else _ThroughClient
        return wrapped.__func__(proxy(instance, given), *args, **kwargs)

    return shell


class _WithIdentity(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no type arguments
    """A resource whose methods pass the session arguments that their helper was given."""

    def __init__(self, resource: Any, given: dict[str, Any]) -> None:
        super().__init__(resource)
        self._self_given = given

    def create(self, *args: Any, **kwargs: Any) -> Any:
        """The resource's ``create``, with the session arguments."""
        return self.__wrapped__.create(*args, **{**self._self_given, **kwargs})

    def retrieve(self, *args: Any, **kwargs: Any) -> Any:
        """The resource's ``retrieve``, which a helper that resumes a stream calls instead."""
        return self.__wrapped__.retrieve(*args, **{**self._self_given, **kwargs})


class _ThroughClient(_WithIdentity):
    """A resource without a ``create`` of its own: its helper calls the one of its client's chat."""

    @property
    def _client(self) -> Any:
        completions = _WithIdentity(self.__wrapped__._client.chat.completions, self._self_given)
        return SimpleNamespace(chat=SimpleNamespace(completions=completions))
