"""Requests of a WSGI application (Flask, Django, Pyramid …) in their sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from infraprism.sessions.flow import Flow
from infraprism.sessions.http.reading import Reading, Source
from infraprism.sessions.identity import Id

_App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class WSGISessions:
    """Middleware: serves each request of `app` in the session, entity and tags that it says.

    The arguments are those of `infraprism.session`, each a fixed value or a `Header` or `Cookie` that has it;
    a value that cannot be used is ignored, and counted as ``invalid_inbound``. The response is not touched.

    Raises:
        TypeError, ValueError: a fixed value is wrong; the message names the argument.
    """

    def __init__(
        self,
        app: _App,
        *,
        session_id: Id | Source | None = None,
        entity_type: str | Source | None = None,
        entity_id: Id | Source | None = None,
        tags: Mapping[str, str | Source] | None = None,
    ) -> None:
        self._app = app
        self._reading = Reading(session_id, entity_type, entity_id, tags)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        block = self._reading.block(lambda name: _header(environ, name))
        if block is None:
            return self._app(environ, start_response)
        flow = Flow(block)
        try:
            body = flow.context.run(self._app, environ, start_response)
        except BaseException as error:
            flow.leave(error)
            raise
        if _is_made(body, environ):
            flow.leave()
            return body
        return _Body(flow, body)


def _is_made(body: Any, environ: dict[str, Any]) -> bool:
    """Whether no code of the application makes the response any more: a list, a file.

    Servers look at what these are: for the length of the response, to send the file as a whole.
    """
    wrapper = environ.get("wsgi.file_wrapper")
    return (
        hasattr(body, "__len__")
        or hasattr(body, "read")
        or (isinstance(wrapper, type) and isinstance(body, wrapper))
    )


class _Body:
    """A response that is made while it is sent: in the session as well, until the server closes it."""

    def __init__(self, flow: Flow, body: Iterable[bytes]) -> None:
        self._flow = flow
        self._body = body
        self._pieces: Iterator[bytes] | None = None
        self._error: Exception | None = None
        self._is_left = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        run = self._flow.context.run
        try:
            if self._pieces is None:
                self._pieces = run(iter, self._body)
            return run(next, self._pieces)
        except StopIteration:
            raise
        except Exception as error:
            self._error = error
            raise

    def close(self) -> None:
        """The server is done with the response, as each tells it."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                self._flow.context.run(close)
        finally:
            if not self._is_left:
                self._is_left = True
                self._flow.leave(self._error)


def _header(environ: dict[str, Any], name: str) -> bytes | None:
    value = environ.get("HTTP_" + name.upper().replace("-", "_"))
    return None if value is None else value.encode("latin-1")
