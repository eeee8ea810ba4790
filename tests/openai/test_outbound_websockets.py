"""What goes to the model provider as a websocket is opened: nothing of a session either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from opentelemetry import baggage, propagate
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed

from infraprism import session
from tests.openai.test_outbound import BAGGAGE, SECRETS, WHO, carrying
from tests.support.calls import instrumented
from tests.support.sockets import Close, Speaker, speaking
from tests.support.versions import OPENAI, needs, realtime

SESSION = {"type": "session.created", "event_id": "event_1", "session": {"type": "realtime"}}
KEPT = "tenant=blue,infraprism_like=kept"

#: What is connected to.
SOCKETS: dict[str, Callable[[Any], Any]] = {
    "realtime": lambda client: realtime(client).connect(model="gpt-realtime"),
    "realtime, with arguments": lambda client: realtime(client).connect(
        model="gpt-realtime", session_id="conv-secret", **WHO
    ),
    "responses": lambda client: client.responses.connect(),
    "translations": lambda client: client.realtime.translations.connect(model="gpt-realtime-translate"),
}


def available(name: str, client: Any) -> Any:
    """The manager of a connection; skips where the client has none."""
    try:
        return SOCKETS[name](client)
    except AttributeError:
        pytest.skip(f"openai {OPENAI} has no such connection")


@contextmanager
def propagating() -> Iterator[None]:
    """An instrumentation of the websocket library: there is none to install."""
    own = ClientProtocol.send_request

    def send_request(self: ClientProtocol, request: Any) -> None:
        propagate.inject(request.headers)
        own(self, request)

    ClientProtocol.send_request = send_request  # type: ignore[method-assign]
    try:
        yield
    finally:
        ClientProtocol.send_request = own  # type: ignore[method-assign]


def sent(speaker: Speaker) -> list[str]:
    """The baggage of each handshake; nothing of ours is anywhere in it, but for the path."""
    handshakes = [{name.lower(): value for name, value in raw} for raw in speaker.handshakes]
    for headers in handshakes:
        said = "\n".join(f"{name}: {value}" for name, value in headers.items() if not name.startswith("sec-"))
        assert not [word for word in SECRETS if word.decode() in said]
    return [headers["baggage"] for headers in handshakes]


@pytest.mark.parametrize("name", SOCKETS)
def test_nothing_of_ours_is_in_the_handshake(name: str) -> None:
    with (
        speaking(SESSION, Close()) as speaker,
        instrumented(),
        propagating(),
        carrying(BAGGAGE),
        session("conv-secret", **WHO),
        available(name, speaker.client()) as connection,
    ):
        connection.recv()
        assert dict(baggage.get_all()) == BAGGAGE  # as it was for the application
    assert sent(speaker) == [KEPT]


@pytest.mark.parametrize("name", SOCKETS)
async def test_nor_in_that_of_the_async_client(name: str) -> None:
    with speaking(SESSION, Close()) as speaker, instrumented(), propagating(), carrying(BAGGAGE):
        async with (
            session("conv-secret", **WHO),
            available(name, speaker.async_client()) as connection,
        ):
            await connection.recv()
            assert dict(baggage.get_all()) == BAGGAGE
    assert sent(speaker) == [KEPT]


@needs("realtime.connect", "on_reconnecting")
def test_nor_when_a_connection_is_made_again() -> None:
    with speaking(SESSION, Close(1012)) as speaker, instrumented(), propagating(), carrying(BAGGAGE):
        manager = realtime(speaker.client()).connect(
            model="gpt-realtime", on_reconnecting=lambda _: None, initial_delay=0.001, max_retries=1
        )
        with manager as connection, suppress(ConnectionClosed):
            events = iter(connection)
            next(events), next(events)  # the second is of the second connection
    assert sent(speaker) == [KEPT] * 2
