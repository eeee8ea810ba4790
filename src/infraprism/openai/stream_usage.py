"""Has a streamed reply report its usage where the caller did not ask for it, without the caller noticing.

``stream_options={"include_usage": True}`` makes the API send one more chunk, without choices, at the end, and
an empty ``usage`` in each other one. The chunk is kept from the caller, and so are the empty fields. A server
that refuses the option gets the caller's own request, and is not asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from infraprism.openai.providers import Server

_OPTION = "stream_options"
_USAGE = "include_usage"
#: Providers whose every model takes the option.
_TAKING = frozenset({"openai", "groq", "deepseek", "openrouter", "x_ai", "together"})
#: Status codes with which a server says that it does not know the option.
_REFUSALS = frozenset({400, 422})
#: Servers remembered; their names come from outside.
_REMEMBERED = 1024

_takes: OrderedDict[tuple[str, int], bool] = OrderedDict()


def ask(server: Server, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of a streaming call with its usage asked for; None where that is not to be done.

    Left alone are callers who asked themselves, who read the raw events (they would see the extra one), and
    servers that refuse. A server that has not said yet is asked only where its refusal could be made good by
    sending the caller's own request again: nothing in it may be readable only once.
    """
    options = arguments.get(_OPTION)
    if isinstance(options, Mapping):
        if options.get(_USAGE):
            return None
    elif options is not None and type(options).__name__ not in ("Omit", "NotGiven"):
        return None
    body = arguments.get("extra_body")
    if _is_raw(arguments) or (isinstance(body, Mapping) and _OPTION in body):
        return None
    takes = _takes.get((server.address, server.port), True if server.provider in _TAKING else None)
    if takes is False or (takes is None and not _again(arguments)):
        return None
    given = options if isinstance(options, Mapping) else {}
    return {**arguments, _OPTION: {**given, _USAGE: True}}


class Asked:
    """A request that asks for the usage in place of its caller.

    Attributes:
        takes: whether the server takes that, as far as is known.
    """

    __slots__ = ("_own", "takes")

    def __init__(self, own: dict[str, Any]) -> None:
        """`own`: the caller's own arguments."""
        self._own: dict[str, Any] | None = own
        self.takes = True

    def refused(self, server: Server, error: BaseException) -> dict[str, Any] | None:
        """The arguments to send instead, once, where `error` may come only of asking for usage."""
        own, self._own = self._own, None
        if own is None or not is_refusal(server, own, error):
            return None
        self.takes = False
        return own


def is_refusal(server: Server, arguments: Mapping[str, Any], error: BaseException) -> bool:
    """Whether `error` may be there only because usage was asked for, and `arguments` can be sent instead."""
    if getattr(error, "status_code", None) not in _REFUSALS:
        return False
    said = str(error)
    if _takes.get((server.address, server.port)) and _OPTION not in said and _USAGE not in said:
        return False  # it has taken the option before: the request itself is wrong
    if server.provider in _TAKING and _OPTION not in said and _USAGE not in said:
        return False
    return _again(arguments)


def remember(server: Server, *, takes: bool) -> None:
    """Remember whether a server takes the option."""
    key = (server.address, server.port)
    if _takes.get(key) is not takes:
        _takes[key] = takes
        if len(_takes) > _REMEMBERED:
            _takes.popitem(last=False)


def forget() -> None:
    """Forget what servers have said."""
    _takes.clear()


def hide(chunk: Any) -> bool:
    """Take back from a chunk what only asking for usage added; True where that is the whole chunk."""
    if getattr(chunk, "usage", None) is None:
        given = getattr(chunk, "model_fields_set", None)
        if given is not None:
            given.discard("usage")  # else the caller's `to_dict()` would show it
        return False
    choices = getattr(chunk, "choices", None)
    return type(choices) is list and not choices


def _is_raw(arguments: Mapping[str, Any]) -> bool:
    headers = arguments.get("extra_headers")
    return isinstance(headers, Mapping) and any(
        isinstance(name, str) and name.lower() == "x-stainless-raw-response" for name in headers
    )


def _again(arguments: Mapping[str, Any]) -> bool:
    """Whether `arguments` can be sent a second time."""
    try:
        return not any(map(_once_only, arguments.values()))
    except RecursionError:  # a list that contains itself: the client will refuse it
        return False


def _once_only(value: Any) -> bool:
    """Whether reading `value`, or something in it, uses it up."""
    if isinstance(value, str | bytes | int | float | None):
        return False
    if isinstance(value, Iterator):
        return True
    if isinstance(value, Mapping):
        return any(map(_once_only, value.values()))
    return isinstance(value, list | tuple) and any(map(_once_only, value))
