"""A chat session that ends after an hour without activity; the next message begins a new one.

opentelemetry-instrument python examples/session_timeout.py
"""

import time
import uuid

from openai import OpenAI

client = OpenAI()


class ChatSession:
    TIMEOUT_SECONDS = 3600  # 1 hour

    def __init__(self, customer_id: str):
        self.customer_id = customer_id
        self.session_id = str(uuid.uuid4())
        self.last_activity = time.time()

    def chat(self, message: str) -> str:
        # Check for timeout
        if time.time() - self.last_activity > self.TIMEOUT_SECONDS:
            self.session_id = str(uuid.uuid4())  # New session

        self.last_activity = time.time()

        response = client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": message}],
            entity_type="customer",
            entity_id=self.customer_id,
            session_id=self.session_id,
        )
        return response.choices[0].message.content


class ImpatientSession(ChatSession):
    TIMEOUT_SECONDS = 1  # short enough to watch


session = ImpatientSession("acme-corp")
print(session.chat("What is Python?"))
first_session = session.session_id

time.sleep(1.1)
print(session.chat("What are its main features?"))
print(f"Sessions: {first_session}, then {session.session_id}")
