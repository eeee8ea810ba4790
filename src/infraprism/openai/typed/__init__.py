"""Types of the drop-in clients' resources, for editors and type checkers only: never imported at run time.

Each method takes what the client's own takes, read from the parameter types that the client publishes, and
the session arguments.
"""

from infraprism.openai.typed.audio import AsyncAudio, Audio
from infraprism.openai.typed.chat import AsyncChat, Chat
from infraprism.openai.typed.embeddings import AsyncEmbeddings, Embeddings
from infraprism.openai.typed.files import AsyncFiles, Files
from infraprism.openai.typed.images import AsyncImages, Images
from infraprism.openai.typed.realtime import AsyncRealtime, Realtime
from infraprism.openai.typed.responses import AsyncResponses, Responses
from infraprism.openai.typed.texts import (
    AsyncCompletions,
    AsyncDecisions,
    AsyncModerations,
    Completions,
    Decisions,
    Moderations,
)

__all__ = [
    "AsyncAudio",
    "AsyncChat",
    "AsyncCompletions",
    "AsyncDecisions",
    "AsyncEmbeddings",
    "AsyncFiles",
    "AsyncImages",
    "AsyncModerations",
    "AsyncRealtime",
    "AsyncResponses",
    "Audio",
    "Chat",
    "Completions",
    "Decisions",
    "Embeddings",
    "Files",
    "Images",
    "Moderations",
    "Realtime",
    "Responses",
]
