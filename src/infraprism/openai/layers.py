"""Layers around methods of the client, which come off in any order with other libraries' wrappers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import wrapt

from infraprism.openai.shells import Shell

_LAYER = "_infraprism_layer"
#: No instance: the method was called on its class, without one or with it as `self=`.
_NONE = object()


class Layer:
    """A shell around the method `name` of the class `owner`.

    It is a plain function, so that what takes the topmost wrapt wrapper for its own, as OpenTelemetry's
    `unwrap` does when another instrumentation is taken off, leaves it where it is.

    Raises:
        AttributeError: the class has no such method.
    """

    def __init__(self, owner: type, name: str, shell: Shell) -> None:
        self._owner = owner
        self._name = name
        self._on = True
        self._inherited = name not in vars(owner)
        self._inner = _top(owner, name)
        self._method = self._around(self._inner, shell)
        setattr(self._method, _LAYER, self)
        setattr(owner, name, self._method)

    def _around(self, inner: Callable[..., Any], shell: Shell) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(inner):

            @functools.wraps(inner)
            async def layered(instance: Any = _NONE, /, *args: Any, **kwargs: Any) -> Any:
                if instance is _NONE:
                    return await inner(**kwargs)
                bound = inner.__get__(instance, type(instance))
                return await (shell(bound, instance, args, kwargs) if self._on else bound(*args, **kwargs))

        else:

            @functools.wraps(inner)
            def layered(instance: Any = _NONE, /, *args: Any, **kwargs: Any) -> Any:
                if instance is _NONE:
                    return inner(**kwargs)
                bound = inner.__get__(instance, type(instance))
                return shell(bound, instance, args, kwargs) if self._on else bound(*args, **kwargs)

        return layered

    def take_off(self) -> None:
        """Take the layer out of the class.

        Where another library's wrapper is on top of it, that one stays, around what the layer was around. A
        wrapper that does not let go keeps the layer, switched off. Bound methods that somebody has cached
        keep theirs, too: there the shell knows whether it is wanted, now and when it is put on again.
        """
        top = _top(self._owner, self._name)
        if top is self._method:
            if self._inherited:
                delattr(self._owner, self._name)
            else:
                setattr(self._owner, self._name, self._inner)
            return
        for wrapper in _wrappers(top):
            if isinstance(wrapper, wrapt.FunctionWrapper) and wrapper.__wrapped__ is self._method:
                wrapper.__wrapped__ = self._inner
                return
        self._on = False

    @classmethod
    def put_on(cls, owner: type, name: str, shell: Shell) -> Layer:
        """A layer that is on: one that could not be taken off before, or a new one.

        Raises:
            AttributeError: the class has no such method.
        """
        for wrapper in _wrappers(_top(owner, name)):
            # Others copy or pass on the attributes of what they wrap: only the method itself is the layer.
            known = getattr(wrapper, _LAYER, None)
            if isinstance(known, cls) and known._method is wrapper:
                known._on = True
                return known
        return cls(owner, name, shell)


def _top(owner: type, name: str) -> Any:
    """What the class holds under that name, unbound."""
    return inspect.getattr_static(owner, name)


def _wrappers(top: Any) -> Iterator[Any]:
    """`top`, what it is around, and so on."""
    while top is not None:
        yield top
        top = getattr(top, "__wrapped__", None)
