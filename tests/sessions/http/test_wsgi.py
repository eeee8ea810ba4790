"""Requests of a WSGI application in their sessions."""

import http.client
import io
import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from infraprism.sessions import NOBODY, Identity, identity_in
from infraprism.sessions.http import Cookie, Header, WSGISessions

IN_A = Identity("a")


def where():
    return json.dumps(identity_in()[:3]).encode() + b"\n"


def at_once(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [where()]


def generated(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Own", "1")])
    for _ in range(3):
        yield where()


def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"of a file"))


def fails(environ, start_response):
    raise LookupError("its own")


class Quiet(WSGIRequestHandler):
    def log_message(self, *message):
        pass


def respond(app, **headers):
    """Status, headers without the date, and body of one request to a server of `app`."""
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    server.base_environ["wsgi.errors"] = io.StringIO()
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        body = response.read().decode()
        return response.status, {k: v for k, v in response.getheaders() if k != "Date"}, body
    finally:
        connection.close()
        thread.join(10)
        server.server_close()


def served(app, **options):
    return WSGISessions(app, **{"session_id": Header("x-session-id"), **options})


@pytest.mark.parametrize("app", [at_once, generated])
def test_a_request_is_served_in_its_session(app):
    app = served(app, entity_type="customer", entity_id=Cookie("customer"))
    _, _, body = respond(app, **{"X-Session-Id": "conv-1", "Cookie": "a=1; customer=acme"})
    assert {*body.splitlines()} == {'["conv-1", "customer", "acme"]'}
    _, _, body = respond(app)
    assert {*body.splitlines()} == {'[null, "customer", null]'}


@pytest.mark.parametrize("app", [at_once, generated, file])
def test_the_response_is_what_it_is_without(app):
    status, headers, body = respond(served(app), **{"X-Session-Id": "ab"})
    untouched = respond(app)
    assert (status, headers, body) == (*untouched[:2], untouched[2].replace("[null,", '["ab",'))


def test_it_keeps_the_rules_of_wsgi():
    app = validator(served(validator(generated)))
    status, _, body = respond(app, **{"X-Session-Id": "conv-1"})
    assert (status, body.count("conv-1")) == (200, 3)


def test_text_that_is_not_ascii():
    _, _, body = respond(served(at_once), **{"X-Session-Id": "Gespräch".encode()})
    assert json.loads(body) == ["Gespräch", None, None]


def test_what_the_application_raises_is_the_servers():
    for environ in ({}, {"HTTP_X_SESSION_ID": "a"}):
        with pytest.raises(LookupError, match=r"^its own$"):
            served(fails)(environ, None)
    assert identity_in() == NOBODY


def test_what_comes_while_the_response_is_made_is_the_servers():
    closed = []

    class Body:
        def __iter__(self):
            yield b"first"
            raise LookupError("its own")

        def close(self):
            closed.append(identity_in())

    body = served(lambda environ, start_response: Body())({"HTTP_X_SESSION_ID": "a"}, None)
    pieces = iter(body)
    assert next(pieces) == b"first"
    with pytest.raises(LookupError, match=r"^its own$"):
        next(pieces)
    body.close()
    assert (closed, identity_in()) == ([IN_A], NOBODY)


def test_a_response_that_is_left_early_is_closed_in_its_session():
    closed = []

    def app(environ, start_response):
        try:
            yield b"first"
            yield b"second"
        finally:
            closed.append(identity_in())

    body = served(app)({"HTTP_X_SESSION_ID": "a"}, None)
    assert next(iter(body)) == b"first"
    body.close()
    assert (closed, identity_in()) == ([IN_A], NOBODY)


@pytest.mark.parametrize("made", [["a list"], ("a tuple",), io.BytesIO(b"a file"), FileWrapper(io.BytesIO())])
def test_what_is_made_already_is_given_to_the_server_as_it_is(made):
    environ = {"HTTP_X_SESSION_ID": "a", "wsgi.file_wrapper": FileWrapper}
    assert served(lambda environ, start_response: made)(environ, None) is made


def test_a_server_may_wrap_files_by_a_function():
    environ = {"HTTP_X_SESSION_ID": "a", "wsgi.file_wrapper": lambda file: file}
    assert list(served(generated)(environ, lambda *head: None)) == [b'["a", null, null]\n'] * 3


def test_the_threads_of_a_server_are_not_in_a_session():
    assert list(served(at_once)({"HTTP_X_SESSION_ID": "a"}, lambda *head: None)) == [b'["a", null, null]\n']
    assert identity_in() == NOBODY
