"""A session id that is generated early, logged, and used for every turn of the conversation.

opentelemetry-instrument python examples/log_session_id.py
"""

import logging
import uuid

from openai import OpenAI

logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

client = OpenAI()
conversation = ["What is machine learning?", "Give me an example."]
messages = []

# Good - session ID created once
session_id = str(uuid.uuid4())
logger.info(f"Starting chat session: {session_id}")

for turn in conversation:
    messages.append({"role": "user", "content": turn})
    response = client.chat.completions.create(
        model="gpt-4o",
        messages=messages,
        entity_type="customer",
        entity_id="acme-corp",
        session_id=session_id,
    )
    messages.append({"role": "assistant", "content": response.choices[0].message.content})
    print(response.choices[0].message.content)
