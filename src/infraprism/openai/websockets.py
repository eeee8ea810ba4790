"""Websocket connections of the client: who opened them is noted, and their messages are shown to a follower.

The methods of the connection's class are wrapped, and what is known of a connection is kept beside it: the
host has the client's own object, with nothing on it that was not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from infraprism import guard, sessions
from infraprism.openai import abandoned, outbound, request
from infraprism.openai.engine import Engine
from infraprism.openai.followers import Follower, Opening
from infraprism.openai.live import LiveFollower
from infraprism.openai.realtime import RealtimeFollower
from infraprism.openai.responses_lanes import ResponsesFollower
from infraprism.openai.shells import Shell


@dataclass(frozen=True, slots=True)
class Socket:
    """A resource that connects, its sync and its async class."""

    module: str
    resource: str
    follower: type[Follower]
    #: The session arguments that are ours: some of the client's have a `session_id` of their own.
    ours: tuple[str, ...] = ("session_id", "entity_type", "entity_id", "tags")


_ALL_BUT_SESSION = ("entity_type", "entity_id", "tags")

SOCKETS: tuple[Socket, ...] = (
    Socket("openai.resources.realtime.realtime", "Realtime", RealtimeFollower),
    Socket("openai.resources.beta.realtime.realtime", "Realtime", RealtimeFollower),
    Socket("openai.resources.responses.responses", "Responses", ResponsesFollower),
    Socket("openai.resources.beta.responses.responses", "Responses", ResponsesFollower),
    Socket("openai.resources.live.live", "Live", LiveFollower),
    Socket("openai.resources.live.sideband", "Sideband", LiveFollower, _ALL_BUT_SESSION),
    Socket("openai.resources.live.forks", "Forks", LiveFollower, _ALL_BUT_SESSION),
)

#: Connects, but tells of no call.
_UNFOLLOWED = ("openai.resources.realtime.translations.translations", "Translations")

#: By what `connect` gave, and by the connection that came of it.
_openings: WeakKeyDictionary[Any, Opening] = WeakKeyDictionary()
_followers: WeakKeyDictionary[Any, Follower] = WeakKeyDictionary()


def targets(engine: Engine) -> Iterator[tuple[str, str, Shell]]:
    """What to wrap: a module, a method of a class in it, and its shell."""
    for socket in SOCKETS:
        enter = _enter_shell(engine, socket.follower)
        aenter = _async_enter_shell(engine, socket.follower)
        # By `_connect_ws` a connection that was lost is opened again.
        for prefix, methods in (
            ("", {"__enter__": enter, "enter": enter, "_connect_ws": outbound.request}),
            ("Async", {"__aenter__": aenter, "enter": aenter, "_connect_ws": outbound.async_request}),
        ):
            name = prefix + socket.resource
            yield socket.module, f"{name}.connect", _connect_shell(engine, socket.ours)
            for method, shell in methods.items():
                yield socket.module, f"{name}ConnectionManager.{method}", shell
            followed = _ASYNC_FOLLOWED if prefix else _FOLLOWED
            for method, shell in followed.items():
                yield socket.module, f"{name}Connection.{method}", shell
    module, resource = _UNFOLLOWED
    yield module, f"{resource}ConnectionManager._connect_ws", outbound.request
    yield module, f"Async{resource}ConnectionManager._connect_ws", outbound.async_request


def _connect_shell(engine: Engine, ours: tuple[str, ...]) -> Shell:
    def shell(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not engine.serves(instance):
            return wrapped(*args, **kwargs)
        given = sessions.identify(**{name: kwargs.pop(name, None) for name in ours})
        manager = wrapped(*args, **kwargs)
        _note(manager, instance, kwargs, given)
        return manager

    return shell


@guard.guarded("telemetry_error")
def _note(manager: Any, resource: Any, arguments: dict[str, Any], given: sessions.Identity) -> None:
    if is_instrumentation_enabled():
        context = otel_context.get_current()
        _openings[manager] = Opening(resource, request.model(arguments), given, context)


def _enter_shell(engine: Engine, follower: type[Follower]) -> Shell:
    def shell(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        connection = outbound.request(wrapped, instance, args, kwargs)
        _follow(engine, follower, instance, connection)
        return connection

    return shell


def _async_enter_shell(engine: Engine, follower: type[Follower]) -> Shell:
    async def shell(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        connection = await outbound.async_request(wrapped, instance, args, kwargs)
        _follow(engine, follower, instance, connection)
        return connection

    return shell


@guard.guarded("telemetry_error")
def _follow(engine: Engine, follower: type[Follower], manager: Any, connection: Any) -> None:
    opening = _openings.get(manager)
    if opening is not None:
        abandoned.watch()
        _followers[connection] = follower(engine, opening)
        abandoned.end_at_exit(_followers[connection])


@guard.guarded("telemetry_error")
def _follower_of(connection: Any) -> Follower | None:
    return _followers.get(connection)


def _recv(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    follower = _follower_of(instance)
    if follower is None:
        return wrapped(*args, **kwargs)
    try:
        message = wrapped(*args, **kwargs)
    except Exception as error:
        follower.broken(error)
        raise
    follower.received(message)
    return message


async def _arecv(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    follower = _follower_of(instance)
    if follower is None:
        return await wrapped(*args, **kwargs)
    try:
        message = await wrapped(*args, **kwargs)
    except Exception as error:
        follower.broken(error)
        raise
    follower.received(message)
    return message


def _send(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    follower = _follower_of(instance)
    call = None if follower is None else follower.sending(args[0] if args else kwargs.get("event"))
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        if follower is not None and call is not None:
            follower.unsent(call, error)
        raise


async def _asend(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    follower = _follower_of(instance)
    call = None if follower is None else follower.sending(args[0] if args else kwargs.get("event"))
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        if follower is not None and call is not None:
            follower.unsent(call, error)
        raise


def _close(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return wrapped(*args, **kwargs)
    finally:
        _closed(instance)


async def _aclose(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _closed(instance)


def _closed(connection: Any) -> None:
    follower = _follower_of(connection)
    if follower is not None:
        follower.end()


_Followed = dict[str, Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]]
#: Methods of a connection. `recv`, iteration and `dispatch_events` receive by `recv_bytes`.
_FOLLOWED: _Followed = {"recv_bytes": _recv, "send": _send, "close": _close}
_ASYNC_FOLLOWED: _Followed = {"recv_bytes": _arecv, "send": _asend, "close": _aclose}
