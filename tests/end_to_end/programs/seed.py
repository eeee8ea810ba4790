"""The seed's programs in one: turns of a conversation, a chatbot, an agent with a tool; streams, and tasks.

With `BLOCKS` in the environment the session is that of a block around each call, else the call's arguments;
`PREFIX` is what the sessions' ids begin with.
"""

import asyncio
import contextlib
import os

from openai import AsyncOpenAI, OpenAI

import infraprism

MODEL = "gpt-4o"


@contextlib.contextmanager
def session(name):
    """What a call inside takes to be in the session of this name."""
    who = {
        "session_id": os.environ.get("PREFIX", "") + name,
        "entity_type": "customer",
        "entity_id": "acme-corp",
    }
    if "BLOCKS" in os.environ:
        with infraprism.session(**who):
            yield {}
    else:
        yield who


def user(text):
    return {"role": "user", "content": text}


def basic(client):
    with session("basic") as who:
        messages = [user("What is Python?")]
        first = client.chat.completions.create(model=MODEL, messages=messages, **who)
        messages += [first.choices[0].message, user("What are its main features? " * 200)]
        client.chat.completions.create(model=MODEL, messages=messages, **who)
        client.chat.completions.create(model=MODEL, messages=messages, **who)  # from a cache in part


def chatbot(client):
    with session("chatbot") as who:
        messages = [{"role": "system", "content": "You are a helpful assistant."}]
        for text in ("What is machine learning?", "How is it different from AI?", "Give me an example."):
            messages.append(user(text))
            streamed = {"stream": True, "stream_options": {"include_usage": True}}
            said = ""
            for chunk in client.chat.completions.create(model=MODEL, messages=messages, **streamed, **who):
                said += "".join(choice.delta.content or "" for choice in chunk.choices)
            messages.append({"role": "assistant", "content": said})


def agent(client):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    messages = [user("Tell me the weather in Paris.")]
    with session("agent") as who:
        while True:
            answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[tool], **who)
            messages.append(answer.choices[0].message)
            if not messages[-1].tool_calls:
                break
            (call,) = messages[-1].tool_calls
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "18 °C, cloudy"})


async def tasks(client):
    async def turn(number):
        with session(f"task-{number}") as who:
            await client.chat.completions.create(model=MODEL, messages=[user(f"Task {number}")], **who)
            await client.responses.create(model=MODEL, input="Give me an example.", **who)
            async for _ in await client.responses.create(model=MODEL, input="Why?", stream=True, **who):
                pass

    await asyncio.gather(turn(1), turn(2))


with OpenAI() as blocking:
    basic(blocking)
    chatbot(blocking)
    agent(blocking)


async def main():
    async with AsyncOpenAI() as client:
        await tasks(client)


asyncio.run(main())
