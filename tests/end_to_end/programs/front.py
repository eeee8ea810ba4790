"""The service that users talk to: it asks the other one, in the user's session, and says what it said."""

import os
import urllib.request

import uvicorn
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from infraprism.sessions.http import ASGISessions, Cookie

client = AsyncOpenAI()
BACK = os.environ["BACK"]


def ask_the_other(session_id):
    request = urllib.request.Request(BACK, headers={"x-conversation": session_id})
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


async def turn(request):
    await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "In front"}])
    return PlainTextResponse(await run_in_threadpool(ask_the_other, request.cookies["conversation"]))


app = ASGISessions(
    Starlette(routes=[Route("/", turn)]),
    session_id=Cookie("conversation"),
    entity_type="customer",
    entity_id="acme-corp",
)
uvicorn.run(app, port=int(os.environ["PORT"]), log_level="info")
