"""Sessions of the requests that an application serves: middleware for ASGI and WSGI."""

from infraprism.sessions.http.asgi import ASGISessions
from infraprism.sessions.http.reading import Cookie, Header
from infraprism.sessions.http.wsgi import WSGISessions

__all__ = ["ASGISessions", "Cookie", "Header", "WSGISessions"]
