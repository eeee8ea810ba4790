"""The drop-in clients: `openai`'s own, instrumented by themselves, whose calls take the session arguments.

Importing this module imports `openai`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI, OpenAI

from infraprism.openai import loading, patch

if TYPE_CHECKING:
    from functools import cached_property

    from infraprism.openai import typed


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
        def chat(self) -> typed.Chat:
            """Chat completions."""
            raise NotImplementedError

        @cached_property
        def responses(self) -> typed.Responses:
            """Responses."""
            raise NotImplementedError

        @cached_property
        def embeddings(self) -> typed.Embeddings:
            """Embeddings."""
            raise NotImplementedError

        @cached_property
        def files(self) -> typed.Files:
            """Files."""
            raise NotImplementedError

        @cached_property
        def realtime(self) -> typed.Realtime:
            """Realtime conversations."""
            raise NotImplementedError

        @cached_property
        def audio(self) -> typed.Audio:
            """Speech, transcriptions and translations."""
            raise NotImplementedError

        @cached_property
        def completions(self) -> typed.Completions:
            """Text completions."""
            raise NotImplementedError

        @cached_property
        def decisions(self) -> typed.Decisions:
            """Decisions."""
            raise NotImplementedError

        @cached_property
        def images(self) -> typed.Images:
            """Images."""
            raise NotImplementedError

        @cached_property
        def moderations(self) -> typed.Moderations:
            """Moderations."""
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
        def chat(self) -> typed.AsyncChat:
            """Chat completions."""
            raise NotImplementedError

        @cached_property
        def responses(self) -> typed.AsyncResponses:
            """Responses."""
            raise NotImplementedError

        @cached_property
        def embeddings(self) -> typed.AsyncEmbeddings:
            """Embeddings."""
            raise NotImplementedError

        @cached_property
        def files(self) -> typed.AsyncFiles:
            """Files."""
            raise NotImplementedError

        @cached_property
        def realtime(self) -> typed.AsyncRealtime:
            """Realtime conversations."""
            raise NotImplementedError

        @cached_property
        def audio(self) -> typed.AsyncAudio:
            """Speech, transcriptions and translations."""
            raise NotImplementedError

        @cached_property
        def completions(self) -> typed.AsyncCompletions:
            """Text completions."""
            raise NotImplementedError

        @cached_property
        def decisions(self) -> typed.AsyncDecisions:
            """Decisions."""
            raise NotImplementedError

        @cached_property
        def images(self) -> typed.AsyncImages:
            """Images."""
            raise NotImplementedError

        @cached_property
        def moderations(self) -> typed.AsyncModerations:
            """Moderations."""
            raise NotImplementedError

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            patch.install(for_good=True)
            super().__init__(*args, **kwargs)

        @property
        def user_agent(self) -> str:
            """What `openai.AsyncOpenAI` sends."""
            return super().user_agent.replace("InfraPrismOpenAI/", "OpenAI/", 1)
