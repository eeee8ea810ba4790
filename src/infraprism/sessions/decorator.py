"""A block around each call of a function: plain, async, generator or async generator.

A generator runs in a context of its own: its session is not its consumer's.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from infraprism.sessions.flow import Flow, Steps

if TYPE_CHECKING:
    from inspect import Signature

Function = TypeVar("Function", bound=Callable[..., Any])
#: Given the arguments of a call by name, defaults included; gives a value for the call.
OfCall = Callable[[Mapping[str, Any]], Any]
Block = AbstractContextManager[Any]


def decorate(function: Function, block: Block | Callable[[Mapping[str, Any]], Block]) -> Function:
    """Run each call of `function` inside of `block`, or of the one that `block` makes of its arguments."""
    import inspect  # only where something is decorated: it takes a while to load

    if isinstance(block, AbstractContextManager):
        around = _always(block)
    else:
        around = _of_call(block, inspect.signature(function))

    def call(*args: Any, **kwargs: Any) -> Any:
        with around(args, kwargs):
            return function(*args, **kwargs)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with around(args, kwargs):
            return await function(*args, **kwargs)

    def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        steps = function(*args, **kwargs)
        flow = Flow(around(args, kwargs))
        try:
            result = yield from Steps(flow.context, steps)
        except BaseException as error:
            flow.leave(error)
            raise
        flow.leave()
        return result

    async def generate_async(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        steps = function(*args, **kwargs)
        flow = Flow(around(args, kwargs))
        step = steps.asend(None)
        try:
            while True:
                try:
                    item = await Steps(flow.context, step.__await__())
                except StopAsyncIteration:
                    break
                try:
                    step = steps.asend((yield item))
                except GeneratorExit:
                    await Steps(flow.context, steps.aclose().__await__())
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in, for the generator to handle
                    step = steps.athrow(error)
        except BaseException as error:
            flow.leave(error)
            raise
        flow.leave()

    kinds: tuple[tuple[Callable[[Any], bool], Callable[..., Any]], ...] = (
        (inspect.isasyncgenfunction, generate_async),
        (inspect.isgeneratorfunction, generate),
        (inspect.iscoroutinefunction, call_async),
    )
    wrapper = next((wrapper for is_one, wrapper in kinds if is_one(function)), call)
    return cast(Function, functools.wraps(function)(wrapper))


def _always(block: Block) -> Callable[[tuple[Any, ...], dict[str, Any]], Block]:
    return lambda args, kwargs: block


def _of_call(
    block: Callable[[Mapping[str, Any]], Block], signature: Signature
) -> Callable[[tuple[Any, ...], dict[str, Any]], Block]:
    def around(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Block:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return nullcontext()  # the function itself is about to say what is wrong
        bound.apply_defaults()
        return block(bound.arguments)

    return around
