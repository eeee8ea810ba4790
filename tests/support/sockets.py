"""A server that speaks websockets by a script: what it sends, when it listens, how it goes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from openai import AsyncOpenAI, OpenAI
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.support.calls import API_KEY
from tests.support.versions import OPENAI


class Hear(NamedTuple):
    """Wait for a message of the client's."""


class Close(NamedTuple):
    """Close the connection as the protocol says."""

    code: int = 1000


class Vanish(NamedTuple):
    """Let the connection break."""


#: What is sent (as JSON, or text and bytes as they are), and what is done.
Step = dict[str, Any] | str | bytes | Hear | Close | Vanish


class Speaker:
    """Says its script to each that connects.

    Attributes:
        base_url: of its API.
        websocket_base_url: the same, for the client's beta resources, which do not derive it. A
            client of version 1 is given it.
        heard: the messages it waited for, and those that came after its script.
        paths: what was connected to.
        handshakes: the headers of each connection, in their order.
    """

    def __init__(self, script: tuple[Step, ...]) -> None:
        self._script = script
        self._server = serve(self._speak, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/v1"
        self.websocket_base_url = self.base_url.replace("http", "ws", 1)
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.handshakes: list[list[tuple[str, str]]] = []
        self._ended = threading.Semaphore(0)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _speak(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.handshakes.append(list(connection.request.headers.raw_items()))
        with contextlib.suppress(ConnectionClosed):
            for step in self._script:
                match step:
                    case Hear():
                        self.heard.append(json.loads(connection.recv()))
                    case Close(code):
                        connection.close(code)
                    case Vanish():
                        connection.socket.shutdown(socket.SHUT_RDWR)
                    case str() | bytes():
                        connection.send(step)
                    case _:
                        connection.send(json.dumps(step))
            self.heard += [json.loads(message) for message in connection]
        self._ended.release()

    def wait(self) -> None:
        """Until one more connection has ended, and all that it said was heard."""
        assert self._ended.acquire(timeout=10)

    def client(self, kind: type[OpenAI] = OpenAI, **options: Any) -> OpenAI:
        """A client that talks to this server."""
        return kind(**{**self._options(), **options})

    def async_client(self, kind: type[AsyncOpenAI] = AsyncOpenAI, **options: Any) -> AsyncOpenAI:
        """An async client that talks to this server."""
        return kind(**{**self._options(), **options})

    def _options(self) -> dict[str, Any]:
        options = {"api_key": API_KEY, "base_url": self.base_url}
        if OPENAI < (2, 0):  # always takes it for TLS
            options["websocket_base_url"] = self.websocket_base_url
        return options

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()


@contextlib.contextmanager
def speaking(*script: Step) -> Iterator[Speaker]:
    """A server for a while."""
    speaker = Speaker(script)
    try:
        yield speaker
    finally:
        speaker.stop()
