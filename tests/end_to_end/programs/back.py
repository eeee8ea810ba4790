"""A WSGI application whose requests say whose they are; served by several processes."""

import os

from openai import OpenAI

from infraprism.sessions.http import Header, WSGISessions

client = OpenAI()


def turn(environ, start_response):
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "In the back"}])
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]


app = WSGISessions(turn, session_id=Header("x-conversation"), entity_type="customer", entity_id="acme-corp")
