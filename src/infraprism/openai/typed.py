# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"
"""Types of the drop-in clients' resources, for editors and type checkers only: never imported at run time.

Each method takes what the client's own takes, read from the parameter types that the client publishes, and
the session arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypedDict, TypeVar, Unpack, overload

import httpx2
from openai import AsyncStream, Stream
from openai.lib.streaming.chat import AsyncChatCompletionStreamManager, ChatCompletionStreamManager
from openai.lib.streaming.responses import AsyncResponseStreamManager, ResponseStreamManager
from openai.resources import chat, embeddings, responses
from openai.types import CreateEmbeddingResponse, EmbeddingCreateParams
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import ParsedResponse, Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase,
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from infraprism.sessions import Id

T = TypeVar("T")


class SessionArguments(TypedDict, total=False):
    """What InfraPrism's clients take beside the client's own arguments."""

    #: The app's own id of the conversation; at most 200 characters once written out.
    session_id: Id | None
    #: Who the cost belongs to: ``customer``, ``team``, ``feature``, ``user`` …
    entity_type: str | None
    #: Which one; at most 200 characters once written out.
    entity_id: Id | None
    #: Small labels.
    tags: Mapping[str, str] | None


class RequestOptions(SessionArguments, total=False):
    """The session arguments, and the options that every method of the client takes."""

    extra_headers: Mapping[str, Any] | None
    extra_query: Mapping[str, object] | None
    extra_body: object | None
    timeout: float | httpx2.Timeout | None


class ChatArguments(CompletionCreateParamsNonStreaming, RequestOptions, total=False):
    """Arguments of a chat completion."""


class ChatStreamArguments(CompletionCreateParamsStreaming, RequestOptions, total=False):
    """Arguments of a streamed chat completion."""


class ChatEitherArguments(CompletionCreateParamsBase, RequestOptions, total=False):
    """Arguments of a chat completion that is streamed or not, as a variable says."""

    stream: bool | None


class ResponseArguments(ResponseCreateParamsNonStreaming, RequestOptions, total=False):
    """Arguments of a response."""


class ResponseStreamArguments(ResponseCreateParamsStreaming, RequestOptions, total=False):
    """Arguments of a streamed response."""


class ResponseEitherArguments(ResponseCreateParamsBase, RequestOptions, total=False):
    """Arguments of a response that is streamed or not, as a variable says."""

    stream: bool | None


class EmbeddingArguments(EmbeddingCreateParams, RequestOptions, total=False):
    """Arguments of an embedding."""


class Completions(chat.Completions):
    """`client.chat.completions`."""

    @overload
    def create(self, **arguments: Unpack[ChatArguments]) -> ChatCompletion: ...
    @overload
    def create(self, **arguments: Unpack[ChatStreamArguments]) -> Stream[ChatCompletionChunk]: ...
    @overload
    def create(
        self, **arguments: Unpack[ChatEitherArguments]
    ) -> ChatCompletion | Stream[ChatCompletionChunk]: ...
    def create(self, **arguments: Any) -> Any:
        """Create a chat completion."""

    @overload
    def parse(
        self,
        *,
        response_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedChatCompletion[T]: ...
    @overload
    def parse(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedChatCompletion[None]: ...
    def parse(self, **arguments: Any) -> Any:
        """Create a chat completion and parse its content."""

    @overload
    def stream(
        self,
        *,
        response_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ChatCompletionStreamManager[T]: ...
    @overload
    def stream(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ChatCompletionStreamManager[None]: ...
    def stream(self, **arguments: Any) -> Any:
        """Stream a chat completion as events."""


class Chat(chat.Chat):
    """`client.chat`."""

    @cached_property
    def completions(self) -> Completions:
        """Chat completions."""
        raise NotImplementedError


class Responses(responses.Responses):
    """`client.responses`."""

    @overload
    def create(self, **arguments: Unpack[ResponseArguments]) -> Response: ...
    @overload
    def create(self, **arguments: Unpack[ResponseStreamArguments]) -> Stream[ResponseStreamEvent]: ...
    @overload
    def create(
        self, **arguments: Unpack[ResponseEitherArguments]
    ) -> Response | Stream[ResponseStreamEvent]: ...
    def create(self, **arguments: Any) -> Any:
        """Create a response."""

    @overload
    def parse(
        self,
        *,
        text_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedResponse[T]: ...
    @overload
    def parse(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedResponse[None]: ...
    def parse(self, **arguments: Any) -> Any:
        """Create a response and parse its content."""

    @overload
    def stream(
        self,
        *,
        text_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ResponseStreamManager[T]: ...
    @overload
    def stream(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ResponseStreamManager[None]: ...
    def stream(self, **arguments: Any) -> Any:
        """Stream a response as events."""


class Embeddings(embeddings.Embeddings):
    """`client.embeddings`."""

    def create(self, **arguments: Unpack[EmbeddingArguments]) -> CreateEmbeddingResponse:
        """Create embeddings."""
        raise NotImplementedError


class AsyncCompletions(chat.AsyncCompletions):
    """`client.chat.completions`."""

    @overload
    async def create(self, **arguments: Unpack[ChatArguments]) -> ChatCompletion: ...
    @overload
    async def create(self, **arguments: Unpack[ChatStreamArguments]) -> AsyncStream[ChatCompletionChunk]: ...
    @overload
    async def create(
        self, **arguments: Unpack[ChatEitherArguments]
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk]: ...
    async def create(self, **arguments: Any) -> Any:
        """Create a chat completion."""

    @overload
    async def parse(
        self,
        *,
        response_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedChatCompletion[T]: ...
    @overload
    async def parse(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedChatCompletion[None]: ...
    async def parse(self, **arguments: Any) -> Any:
        """Create a chat completion and parse its content."""

    @overload
    def stream(
        self,
        *,
        response_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> AsyncChatCompletionStreamManager[T]: ...
    @overload
    def stream(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> AsyncChatCompletionStreamManager[None]: ...
    def stream(self, **arguments: Any) -> Any:
        """Stream a chat completion as events."""


class AsyncChat(chat.AsyncChat):
    """`client.chat`."""

    @cached_property
    def completions(self) -> AsyncCompletions:
        """Chat completions."""
        raise NotImplementedError


class AsyncResponses(responses.AsyncResponses):
    """`client.responses`."""

    @overload
    async def create(self, **arguments: Unpack[ResponseArguments]) -> Response: ...
    @overload
    async def create(
        self, **arguments: Unpack[ResponseStreamArguments]
    ) -> AsyncStream[ResponseStreamEvent]: ...
    @overload
    async def create(
        self, **arguments: Unpack[ResponseEitherArguments]
    ) -> Response | AsyncStream[ResponseStreamEvent]: ...
    async def create(self, **arguments: Any) -> Any:
        """Create a response."""

    @overload
    async def parse(
        self,
        *,
        text_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedResponse[T]: ...
    @overload
    async def parse(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> ParsedResponse[None]: ...
    async def parse(self, **arguments: Any) -> Any:
        """Create a response and parse its content."""

    @overload
    def stream(
        self,
        *,
        text_format: type[T],
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> AsyncResponseStreamManager[T]: ...
    @overload
    def stream(
        self,
        *,
        session_id: Id | None = None,
        entity_type: str | None = None,
        entity_id: Id | None = None,
        tags: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> AsyncResponseStreamManager[None]: ...
    def stream(self, **arguments: Any) -> Any:
        """Stream a response as events."""


class AsyncEmbeddings(embeddings.AsyncEmbeddings):
    """`client.embeddings`."""

    async def create(self, **arguments: Unpack[EmbeddingArguments]) -> CreateEmbeddingResponse:
        """Create embeddings."""
        raise NotImplementedError
