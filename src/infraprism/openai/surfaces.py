"""The methods of the `openai` client that are instrumented: one row each.

A row serves the method of the sync and of the async resource (``Completions`` and ``AsyncCompletions``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infraprism import semconv
from infraprism.openai import media
from infraprism.openai import request as requests
from infraprism.openai import response as replies

if TYPE_CHECKING:
    from infraprism.openai.late import Place
    from infraprism.openai.observer import Observer

Reader = Callable[[Any, replies.Reply], None]


@dataclass(frozen=True, slots=True, eq=False)  # hashed at every call, by identity
class Surface:
    """How to instrument one method."""

    #: The module that defines the resource, the resource's class, the method.
    module: str
    resource: str
    method: str
    operation: str
    #: Reads a whole response into the reply.
    response: Reader
    #: Reads one chunk of a stream.
    chunk: Reader = replies.nothing
    #: Which keyword arguments are request attributes.
    request: requests.Table = field(default_factory=dict)
    #: `openai.api.type`, where the conventions name one.
    api_type: str | None = None
    #: What of the request is billed and not reported: fields of `Usage`.
    billed: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    #: What of the request is billed by the call, at no known price, and not reported.
    unpriced: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    #: Whether a stream reports its usage only where ``stream_options`` asks for it.
    usage_option: bool = False
    #: Whether the usage of a stream that reports none can be estimated from its text.
    estimated: bool = False
    #: Whether OpenAI charges nothing for it.
    free: bool = False
    #: Where the price list has OpenAI's rates for it, if not under ``openai``.
    listed_under: str | None = None
    #: Whether a response may come without its usage, which is fetched later.
    deferrable: bool = False
    #: What is begun instead, with the arguments, where asking is no call of its own.
    begins: Callable[[Surface, Place, dict[str, Any]], Observer] | None = None


@dataclass(frozen=True, slots=True)
class Helper:
    """A method that calls an instrumented one later; it only hands on the session arguments."""

    module: str
    resource: str
    method: str


_CHAT = "openai.resources.chat.completions.completions"
_OLD_CHAT = "openai.resources.beta.chat.completions"  # before `parse` and `stream` left the beta
_RESPONSES = "openai.resources.responses.responses"
_BETA_RESPONSES = "openai.resources.beta.responses.responses"
#: Where responses can be created, and fetched.
RESPONSES = (_RESPONSES, _BETA_RESPONSES)
_IMAGES = "openai.resources.images"
_VIDEOS = "openai.resources.videos"


def _chat(module: str, method: str) -> Surface:
    return Surface(
        module,
        "Completions",
        method,
        semconv.OPERATION_CHAT,
        replies.chat,
        replies.chat_chunk,
        requests.CHAT,
        "chat_completions",
        unpriced=requests.searches,
        usage_option=True,
        estimated=True,
    )


def _responses(module: str, method: str) -> Surface:
    return Surface(
        module,
        "Responses",
        method,
        semconv.OPERATION_CHAT,
        replies.response,
        replies.response_event,
        requests.RESPONSES,
        "responses",
        estimated=True,
        deferrable=True,
    )


def _images(method: str) -> Surface:
    operation = semconv.OPERATION_IMAGE_GENERATION
    return Surface(_IMAGES, "Images", method, operation, media.images, media.image_event, requests.IMAGES)


def _audio(resource: str, operation: str) -> Surface:
    module = f"openai.resources.audio.{resource.lower()}"
    return Surface(
        module, resource, "create", operation, media.transcript, media.transcript_event, requests.AUDIO
    )


def _videos(method: str) -> Surface:
    return Surface(_VIDEOS, "Videos", method, semconv.OPERATION_VIDEO_GENERATION, media.video)


SURFACES: tuple[Surface, ...] = (
    _chat(_CHAT, "create"),
    _chat(_CHAT, "parse"),
    _chat(_OLD_CHAT, "parse"),
    _responses(_RESPONSES, "create"),
    _responses(_RESPONSES, "parse"),
    _responses(_BETA_RESPONSES, "create"),
    Surface(
        _RESPONSES,
        "Responses",
        "compact",
        semconv.OPERATION_COMPACTION,
        replies.plain,
        request=requests.RESPONSES,
        api_type="responses",
    ),
    Surface(
        "openai.resources.completions",
        "Completions",
        "create",
        semconv.OPERATION_TEXT_COMPLETION,
        replies.chat,
        replies.chat_chunk,
        requests.CHAT,
        usage_option=True,
        estimated=True,
    ),
    Surface(
        "openai.resources.embeddings",
        "Embeddings",
        "create",
        semconv.OPERATION_EMBEDDINGS,
        replies.plain,
        request=requests.EMBEDDINGS,
    ),
    Surface(
        "openai.resources.moderations",
        "Moderations",
        "create",
        semconv.OPERATION_MODERATION,
        replies.plain,
        free=True,
    ),
    Surface(
        "openai.resources.decisions",
        "Decisions",
        "create",
        semconv.OPERATION_DECISION,
        replies.plain,
        listed_under="openai-decisions",
    ),
    _images("generate"),
    _images("edit"),
    _images("create_variation"),
    Surface(
        "openai.resources.audio.speech",
        "Speech",
        "create",
        semconv.OPERATION_SPEECH,
        replies.nothing,
        billed=media.characters,
    ),
    _audio("Transcriptions", semconv.OPERATION_TRANSCRIPTION),
    _audio("Translations", semconv.OPERATION_TRANSLATION),
    _videos("create"),
    _videos("remix"),
    _videos("edit"),
    _videos("extend"),
)

HELPERS: tuple[Helper, ...] = (
    Helper(_CHAT, "Completions", "stream"),
    Helper(_OLD_CHAT, "Completions", "stream"),
    Helper(_RESPONSES, "Responses", "stream"),
)
