"""The drop-in clients: `openai`'s own, instrumented by themselves, whose calls take the session arguments.

Importing this module imports `openai`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI, OpenAI

from infraprism.openai import loading, patch

if TYPE_CHECKING:
    from functools import cached_property

    from infraprism.openai.typed import (
        AsyncChat,
        AsyncEmbeddings,
        AsyncFiles,
        AsyncRealtime,
        AsyncResponses,
        Chat,
        Embeddings,
        Files,
        Realtime,
        Responses,
    )


loading.before_calls()  # here, where other threads that want a client wait for this import


class InfraPrismOpenAI(OpenAI):
    """`openai.OpenAI` whose calls are recorded with their session, entity, tags and cost.

    Takes the same arguments. Calls take ``session_id``, ``entity_type``, ``entity_id`` and ``tags`` beside
    their own. Spans go to the application's tracer provider, or to the local collector where there is none.
    """

    #: Read by the instrumentation: this client is recorded whether or not all clients are.
    infraprism_drop_in = True

    if TYPE_CHECKING:

        @cached_property
        def chat(self) -> Chat:
            """Chat completions."""
            raise NotImplementedError

        @cached_property
        def responses(self) -> Responses:
            """Responses."""
            raise NotImplementedError

        @cached_property
        def embeddings(self) -> Embeddings:
            """Embeddings."""
            raise NotImplementedError

        @cached_property
        def files(self) -> Files:
            """Files."""
            raise NotImplementedError

        @cached_property
        def realtime(self) -> Realtime:
            """Realtime conversations."""
            raise NotImplementedError

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            patch.install(for_good=True)
            super().__init__(*args, **kwargs)

        @property
        def user_agent(self) -> str:
            """What `openai.OpenAI` sends: nothing tells the server that calls are recorded."""
            return super().user_agent.replace("InfraPrismOpenAI/", "OpenAI/", 1)


class AsyncInfraPrismOpenAI(AsyncOpenAI):
    """`openai.AsyncOpenAI`, as `InfraPrismOpenAI` is `openai.OpenAI`."""

    #: Read by the instrumentation: this client is recorded whether or not all clients are.
    infraprism_drop_in = True

    if TYPE_CHECKING:

        @cached_property
        def chat(self) -> AsyncChat:
            """Chat completions."""
            raise NotImplementedError

        @cached_property
        def responses(self) -> AsyncResponses:
            """Responses."""
            raise NotImplementedError

        @cached_property
        def embeddings(self) -> AsyncEmbeddings:
            """Embeddings."""
            raise NotImplementedError

        @cached_property
        def files(self) -> AsyncFiles:
            """Files."""
            raise NotImplementedError

        @cached_property
        def realtime(self) -> AsyncRealtime:
            """Realtime conversations."""
            raise NotImplementedError

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            patch.install(for_good=True)
            super().__init__(*args, **kwargs)

        @property
        def user_agent(self) -> str:
            """What `openai.AsyncOpenAI` sends."""
            return super().user_agent.replace("InfraPrismOpenAI/", "OpenAI/", 1)
