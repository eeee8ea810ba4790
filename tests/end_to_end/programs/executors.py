"""Conversations whose turns are made by the threads of one executor."""

from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

import infraprism

client = OpenAI()


def ask(text):
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])


with infraprism.CarryingExecutor(ThreadPoolExecutor(3)) as executor:
    for number in range(4):
        with infraprism.session(f"conv-{number}", entity_type="customer", entity_id="acme-corp"):
            list(executor.map(ask, [f"Conversation {number}, turn {turn}" for turn in range(3)]))
