"""A complete chatbot with session tracking.

    python examples/chatbot.py

`InfraPrismOpenAI` is OpenAI's client with the session arguments. It needs no `opentelemetry-instrument`: a
program without OpenTelemetry of its own exports to the local collector.
"""

import uuid

from infraprism import InfraPrismOpenAI

client = InfraPrismOpenAI()


class ChatSession:
    def __init__(self, customer_id: str):
        self.customer_id = customer_id
        self.session_id = str(uuid.uuid4())
        self.messages = []

    def add_system_message(self, content: str):
        self.messages.append({"role": "system", "content": content})

    def chat(self, user_message: str) -> str:
        self.messages.append({"role": "user", "content": user_message})

        response = client.chat.completions.create(
            model="gpt-4o",
            messages=self.messages,
            entity_type="customer",
            entity_id=self.customer_id,
            session_id=self.session_id,
            tags={"feature": "chatbot"},
        )

        assistant_message = response.choices[0].message.content
        self.messages.append({"role": "assistant", "content": assistant_message})

        return assistant_message


# Usage
session = ChatSession("acme-corp")
session.add_system_message("You are a helpful assistant.")

print(session.chat("What is machine learning?"))
print(session.chat("How is it different from AI?"))
print(session.chat("Give me an example."))
