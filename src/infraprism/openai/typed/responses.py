# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.responses` of the drop-in clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, Unpack, overload

from openai import AsyncStream, Stream
from openai.lib.streaming.responses import AsyncResponseStreamManager, ResponseStreamManager
from openai.resources import responses
from openai.resources.responses import responses as client_responses
from openai.types.responses import ParsedResponse, Response, ResponseStreamEvent

from infraprism.openai.typed.arguments import (
    ConnectArguments,
    RequestOptions,
    ResponseArguments,
    ResponseEitherArguments,
    ResponseStreamArguments,
    RetrieveArguments,
    RetrieveEitherArguments,
    RetrieveStreamArguments,
)
from infraprism.sessions import Id

T = TypeVar("T")


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
    def retrieve(self, response_id: str, **arguments: Unpack[RetrieveArguments]) -> Response: ...
    @overload
    def retrieve(
        self, response_id: str, **arguments: Unpack[RetrieveStreamArguments]
    ) -> Stream[ResponseStreamEvent]: ...
    @overload
    def retrieve(
        self, response_id: str, **arguments: Unpack[RetrieveEitherArguments]
    ) -> Response | Stream[ResponseStreamEvent]: ...
    def retrieve(self, response_id: str, **arguments: Any) -> Any:
        """Fetch a response."""

    def cancel(self, response_id: str, **arguments: Unpack[RequestOptions]) -> Response:
        """Cancel a response in the background."""
        raise NotImplementedError

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

    def connect(self, **arguments: Unpack[ConnectArguments]) -> client_responses.ResponsesConnectionManager:
        """Connect, to create responses over a websocket."""
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
    async def retrieve(self, response_id: str, **arguments: Unpack[RetrieveArguments]) -> Response: ...
    @overload
    async def retrieve(
        self, response_id: str, **arguments: Unpack[RetrieveStreamArguments]
    ) -> AsyncStream[ResponseStreamEvent]: ...
    @overload
    async def retrieve(
        self, response_id: str, **arguments: Unpack[RetrieveEitherArguments]
    ) -> Response | AsyncStream[ResponseStreamEvent]: ...
    async def retrieve(self, response_id: str, **arguments: Any) -> Any:
        """Fetch a response."""

    async def cancel(self, response_id: str, **arguments: Unpack[RequestOptions]) -> Response:
        """Cancel a response in the background."""
        raise NotImplementedError

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

    def connect(
        self, **arguments: Unpack[ConnectArguments]
    ) -> client_responses.AsyncResponsesConnectionManager:
        """Connect, to create responses over a websocket."""
        raise NotImplementedError
