# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.audio` of the drop-in clients."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Unpack, overload

from openai import AsyncStream, HttpxBinaryResponseContent, Stream
from openai.resources import audio
from openai.types.audio import (
    TranscriptionCreateResponse,
    TranscriptionStreamEvent,
    TranslationCreateResponse,
)

from infraprism.openai.typed.media_arguments import (
    SpeechArguments,
    TranscriptionArguments,
    TranscriptionStreamArguments,
    TranslationArguments,
)


class Speech(audio.Speech):
    """`client.audio.speech`."""

    def create(self, **arguments: Unpack[SpeechArguments]) -> HttpxBinaryResponseContent:
        """Speak a text."""
        raise NotImplementedError


class Transcriptions(audio.Transcriptions):
    """`client.audio.transcriptions`."""

    @overload
    def create(self, **arguments: Unpack[TranscriptionArguments]) -> TranscriptionCreateResponse: ...
    @overload
    def create(
        self, **arguments: Unpack[TranscriptionStreamArguments]
    ) -> Stream[TranscriptionStreamEvent]: ...
    def create(self, **arguments: Any) -> Any:
        """Write down what is said."""


class Translations(audio.Translations):
    """`client.audio.translations`."""

    def create(self, **arguments: Unpack[TranslationArguments]) -> TranslationCreateResponse:
        """Write down in English what is said."""
        raise NotImplementedError


class Audio(audio.Audio):
    """`client.audio`."""

    @cached_property
    def speech(self) -> Speech:
        """Speech."""
        raise NotImplementedError

    @cached_property
    def transcriptions(self) -> Transcriptions:
        """Transcriptions."""
        raise NotImplementedError

    @cached_property
    def translations(self) -> Translations:
        """Translations."""
        raise NotImplementedError


class AsyncSpeech(audio.AsyncSpeech):
    """`client.audio.speech`."""

    async def create(self, **arguments: Unpack[SpeechArguments]) -> HttpxBinaryResponseContent:
        """Speak a text."""
        raise NotImplementedError


class AsyncTranscriptions(audio.AsyncTranscriptions):
    """`client.audio.transcriptions`."""

    @overload
    async def create(self, **arguments: Unpack[TranscriptionArguments]) -> TranscriptionCreateResponse: ...
    @overload
    async def create(
        self, **arguments: Unpack[TranscriptionStreamArguments]
    ) -> AsyncStream[TranscriptionStreamEvent]: ...
    async def create(self, **arguments: Any) -> Any:
        """Write down what is said."""


class AsyncTranslations(audio.AsyncTranslations):
    """`client.audio.translations`."""

    async def create(self, **arguments: Unpack[TranslationArguments]) -> TranslationCreateResponse:
        """Write down in English what is said."""
        raise NotImplementedError


class AsyncAudio(audio.AsyncAudio):
    """`client.audio`."""

    @cached_property
    def speech(self) -> AsyncSpeech:
        """Speech."""
        raise NotImplementedError

    @cached_property
    def transcriptions(self) -> AsyncTranscriptions:
        """Transcriptions."""
        raise NotImplementedError

    @cached_property
    def translations(self) -> AsyncTranslations:
        """Translations."""
        raise NotImplementedError
