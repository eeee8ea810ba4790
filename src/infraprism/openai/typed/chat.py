# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.chat` of the drop-in clients."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar, Unpack, overload

from openai import AsyncStream, Stream
from openai.lib.streaming.chat import AsyncChatCompletionStreamManager, ChatCompletionStreamManager
from openai.resources import chat
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion

from infraprism.openai.typed.arguments import ChatArguments, ChatEitherArguments, ChatStreamArguments
from infraprism.sessions import Id

T = TypeVar("T")


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
