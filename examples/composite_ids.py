"""Session ids that the application already has: a composite id, and the id of a database row.

opentelemetry-instrument python examples/composite_ids.py
"""

import sqlite3

from openai import OpenAI

client = OpenAI()


def ask(question: str, session_id: str | int, customer_id: str) -> str:
    response = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": question}],
        entity_type="customer",
        entity_id=customer_id,
        session_id=session_id,
    )
    return response.choices[0].message.content


# Composite ID: include context in the session ID
customer_id = "acme-corp"
conversation_id = "conv-123"
session_id = f"{customer_id}:{conversation_id}"  # "acme-corp:conv-123"
print(ask("What is Python?", session_id, customer_id))


class Conversation:
    """A row of the application's own table."""

    def __init__(self, database: sqlite3.Connection, customer_id: str):
        row = database.execute("INSERT INTO conversations (customer_id) VALUES (?)", [customer_id])
        self.id = row.lastrowid


database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE conversations (id INTEGER PRIMARY KEY, customer_id TEXT)")
conversation = Conversation(database, customer_id)

# External ID: use your application's conversation ID
session_id = conversation.id  # From your database
print(ask("What is machine learning?", session_id, customer_id))
