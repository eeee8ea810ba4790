"""Calls made with the bare and with the instrumented client, and all that a host sees of them compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openai import AsyncOpenAI, OpenAI
from opentelemetry import context as otel_context

from infraprism import AsyncInfraPrismOpenAI, InfraPrismOpenAI
from tests.support.calls import Wire, adrain, drain, instrumented

#: The session arguments of the calls that have some.
WHO: Any = {"session_id": "s-1", "entity_type": "customer", "entity_id": "acme", "tags": {"a": "b"}}


def observed(call: Callable[[], Any], wire: Wire) -> dict[str, Any]:
    """All that a host sees of a call: what was sent, returned and raised."""
    try:
        outcome = _shown(drain(call()))
    except Exception as error:
        outcome = _raised(error)
    return {"sent": [sent(*request) for request in wire.requests], "outcome": outcome}


async def aobserved(call: Callable[[], Any], wire: Wire) -> dict[str, Any]:
    """As `observed`, of an async client."""
    try:
        outcome = _shown(await adrain(call()))
    except Exception as error:
        outcome = _raised(error)
    return {"sent": [sent(*request) for request in wire.requests], "outcome": outcome}


def _shown(result: Any) -> Any:
    # A binary response has no equality of its own.
    return type(result), getattr(result, "content", result) if hasattr(result, "response") else result


def _raised(error: Exception) -> Any:
    return type(error), error.args, str(error), type(error.__cause__), type(error.__context__)


def sent(method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
    """A request, with the random boundary of its parts, where it has some, made the same."""
    boundary = next((value.partition(b"boundary=")[2] for _, value in headers if b"boundary=" in value), b"")
    if not boundary:
        return method, url, headers, body
    alike = [(name, value.replace(boundary, b"boundary")) for name, value in headers]
    return method, url, alike, body.replace(boundary, b"boundary")


async def check(call: Callable[..., Any], make_wire: Callable[[], Wire], *, sent: int = 1) -> None:
    """Make `call` with each kind of client, bare, instrumented and with a session; compare what they show."""
    bare, bare_async = make_wire(), make_wire()
    expected = observed(lambda: call(bare.client()), bare)
    expected_async = await aobserved(lambda: call(bare_async.async_client()), bare_async)
    assert len(expected["sent"]) == len(expected_async["sent"]) == sent

    def with_session(client: Any) -> Any:
        return call(client, **WHO)

    for kind, async_kind, way in (
        (OpenAI, AsyncOpenAI, call),
        (OpenAI, AsyncOpenAI, with_session),
        (InfraPrismOpenAI, AsyncInfraPrismOpenAI, with_session),
    ):
        before = otel_context.get_current()
        with instrumented() as recording:
            wire = make_wire()
            client = wire.client(kind)
            assert observed(lambda: way(client), wire) == expected  # noqa: B023
            wire = make_wire()
            async_client = wire.async_client(async_kind)
            assert await aobserved(lambda: way(async_client), wire) == expected_async  # noqa: B023
            assert len(recording.spans) == 2
        assert otel_context.get_current() == before
