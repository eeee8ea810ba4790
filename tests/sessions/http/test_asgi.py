"""Requests of an ASGI application in their sessions."""

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from websockets.sync.client import connect

from infraprism.sessions import NOBODY, Identity, identity_in
from infraprism.sessions.http import ASGISessions, Cookie, Header

#: What a background task and the lifespan saw.
seen = []


def where():
    return list(identity_in()[:3])


async def asynchronous(request):
    await asyncio.sleep(0)
    return JSONResponse(where())


def threaded(request):
    return JSONResponse(where())


def streamed(request):
    def pieces():
        for _ in range(3):
            yield json.dumps(where()) + "\n"

    return StreamingResponse(pieces(), headers={"x-own": "1"})


async def later(request):
    return PlainTextResponse("", background=BackgroundTask(lambda: seen.append(identity_in())))


@contextlib.asynccontextmanager
async def lifespan(app):
    seen.append(identity_in())
    yield


async def websocket(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(where())})
    await send({"type": "websocket.close"})


ROUTES = [Route(f"/{made.__name__}", made) for made in (asynchronous, threaded, streamed, later)]


@pytest.fixture(scope="module")
def url():
    """A served application."""
    web = Starlette(routes=ROUTES, lifespan=lifespan)

    async def both(scope, receive, send):
        await (websocket if scope["type"] == "websocket" else web)(scope, receive, send)

    app = ASGISessions(
        both, session_id=Header("X-Session-Id"), entity_type="customer", entity_id=Cookie("customer")
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def get(url, **headers):
    address, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", f"/{path}", headers=headers)
        response = connection.getresponse()
        return response.read().decode(), response.headers
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["asynchronous", "threaded"])
def test_a_request_is_served_in_its_session(url, path):
    body, _ = get(f"{url}/{path}", **{"x-session-id": "conv-1", "cookie": "customer=acme"})
    assert json.loads(body) == ["conv-1", "customer", "acme"]
    body, _ = get(f"{url}/{path}")
    assert json.loads(body) == [None, "customer", None]


def test_a_streamed_response_is_made_in_the_session(url):
    body, headers = get(f"{url}/streamed", **{"x-session-id": "conv-1"})
    assert [json.loads(line) for line in body.splitlines()] == [["conv-1", "customer", None]] * 3
    assert (headers["x-own"], headers["transfer-encoding"]) == ("1", "chunked")


def test_what_a_request_leaves_to_be_done_is_in_its_session(url):
    seen.clear()
    get(f"{url}/later", **{"x-session-id": "conv-1"})
    for _ in range(500):
        if seen:
            break
        time.sleep(0.01)
    assert seen == [Identity("conv-1", "customer")]


def test_a_value_that_cannot_be_used_does_not_hurt_the_request(url):
    body, _ = get(f"{url}/asynchronous", **{"x-session-id": "x" * 300, "cookie": "customer=acme"})
    assert json.loads(body) == [None, "customer", "acme"]


def test_websockets_pass_through(url):
    address = url.removeprefix("http://")
    host, _, port = address.partition(":")
    with connect(
        f"ws://{address}",
        sock=socket.create_connection((host, int(port))),
        additional_headers={"x-session-id": "conv-1"},
    ) as connection:
        assert json.loads(connection.recv(10)) == [None, None, None]


async def test_the_lifespan_passes_through():
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    seen.clear()
    app = ASGISessions(Starlette(lifespan=lifespan), session_id=Header("x"), entity_type="customer")
    await app({"type": "lifespan", "state": {}}, receive, send)
    assert (seen, sent) == ([NOBODY], ["lifespan.startup.complete", "lifespan.shutdown.complete"])


async def test_requests_at_the_same_time_are_apart():
    inside, found = asyncio.Barrier(3), []

    async def app(scope, receive, send):
        await inside.wait()
        found.append((scope["headers"][0][1].decode(), identity_in().session_id))

    served = ASGISessions(app, session_id=Header("x-session-id"))
    await asyncio.gather(
        *(
            served({"type": "http", "headers": [(b"x-session-id", name)]}, None, None)
            for name in (b"a", b"b", b"c")
        )
    )
    assert sorted(found) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert identity_in() == NOBODY


async def test_what_the_application_raises_is_the_servers():
    async def app(scope, receive, send):
        raise LookupError("its own")

    with pytest.raises(LookupError, match=r"^its own$"):
        await ASGISessions(app, session_id=Header("x"))({"type": "http", "headers": []}, None, None)
    with pytest.raises(LookupError, match=r"^its own$"):
        await ASGISessions(app, session_id=Header("x"))(
            {"type": "http", "headers": [(b"x", b"a")]}, None, None
        )
    assert identity_in() == NOBODY


async def test_a_header_in_pieces_is_put_together():
    found = []

    async def app(scope, receive, send):
        found.append(identity_in()[:3])

    served = ASGISessions(app, session_id=Header("x"), entity_id=Cookie("c"))
    headers = [(b"x", b"a"), (b"cookie", b"a=1"), (b"x", b"b"), (b"cookie", b"c=7")]
    await served({"type": "http", "headers": headers}, None, None)
    assert found == [("a,b", None, "7")]
