"""Conversations at once, each in a thread that was started inside of its session."""

import threading

from openai import OpenAI

import infraprism

client = OpenAI()


def talk(number):
    for turn in range(3):
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": f"Conversation {number}, turn {turn}"}]
        )


threads = []
for number in range(4):
    with infraprism.session(f"conv-{number}", entity_type="customer", entity_id="acme-corp"):
        threads.append(threading.Thread(target=infraprism.carry(talk), args=(number,)))
        threads[-1].start()
for thread in threads:
    thread.join()
