"""Conversations at once, each in a task; some of the turns are streamed, some are made by a thread."""

import asyncio

from openai import AsyncOpenAI, OpenAI

import infraprism


async def main():
    client, blocking = AsyncOpenAI(), OpenAI()

    async def talk(number):
        async with infraprism.session(f"conv-{number}", entity_type="customer", entity_id="acme-corp"):
            question = {
                "model": "gpt-4o",
                "messages": [{"role": "user", "content": f"Conversation {number}"}],
            }
            await asyncio.gather(*(client.chat.completions.create(**question) for _ in range(2)))
            async for _ in await client.chat.completions.create(**question, stream=True):
                pass
            await asyncio.to_thread(blocking.chat.completions.create, **question)

    await asyncio.gather(*map(talk, range(4)))


asyncio.run(main())
