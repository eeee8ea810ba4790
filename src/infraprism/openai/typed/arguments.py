# mypy: disable-error-code="misc"

"""What the methods of the drop-in clients take: what the client publishes, and the session arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import httpx2
from openai.types import EmbeddingCreateParams
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase,
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from openai.types.responses.response_retrieve_params import (
    ResponseRetrieveParamsBase,
    ResponseRetrieveParamsNonStreaming,
    ResponseRetrieveParamsStreaming,
)
from openai.types.websocket_reconnection import ReconnectingEvent, ReconnectingOverrides

from infraprism.sessions import Id


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


class RetrieveArguments(ResponseRetrieveParamsNonStreaming, RequestOptions, total=False):
    """Arguments of fetching a response."""


class RetrieveStreamArguments(ResponseRetrieveParamsStreaming, RequestOptions, total=False):
    """Arguments of fetching the stream of a response."""


class RetrieveEitherArguments(ResponseRetrieveParamsBase, RequestOptions, total=False):
    """Arguments of fetching a response that is streamed or not, as a variable says."""

    stream: bool


class EmbeddingArguments(EmbeddingCreateParams, RequestOptions, total=False):
    """Arguments of an embedding."""


class ConnectArguments(SessionArguments, total=False):
    """What every connect takes."""

    extra_query: Mapping[str, object]
    extra_headers: Mapping[str, Any]
    websocket_connection_options: Any
    on_reconnecting: Callable[[ReconnectingEvent], ReconnectingOverrides | None] | None
    max_retries: int
    initial_delay: float
    max_delay: float
    max_queue_size: int


class RealtimeConnectArguments(ConnectArguments, total=False):
    """Arguments of a Realtime connection."""

    model: str
    call_id: str
