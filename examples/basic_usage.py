"""Two turns of one conversation, grouped by `session_id`.

    opentelemetry-instrument python examples/basic_usage.py

The client is OpenAI's own: under `opentelemetry-instrument` its calls take `session_id`, `entity_type`,
`entity_id` and `tags`.
"""

import uuid

from openai import OpenAI

client = OpenAI()

# Generate a session ID for this conversation
session_id = str(uuid.uuid4())

# First turn
response = client.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "What is Python?"}],
    entity_type="customer",
    entity_id="acme-corp",
    session_id=session_id,
)
print(response.choices[0].message.content)

# Second turn (same session)
response = client.chat.completions.create(
    model="gpt-4o",
    messages=[
        {"role": "user", "content": "What is Python?"},
        {"role": "assistant", "content": response.choices[0].message.content},
        {"role": "user", "content": "What are its main features?"},
    ],
    entity_type="customer",
    entity_id="acme-corp",
    session_id=session_id,  # Same session ID
)
print(response.choices[0].message.content)
