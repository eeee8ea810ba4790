# mypy: disable-error-code="misc"

"""What further methods of the drop-in clients take: as `arguments.py` for chat, responses and embeddings."""

from __future__ import annotations

from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.audio.transcription_create_params import (
    TranscriptionCreateParamsNonStreaming,
    TranscriptionCreateParamsStreaming,
)
from openai.types.audio.translation_create_params import TranslationCreateParams
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.decision_create_params import DecisionCreateParams
from openai.types.image_create_variation_params import ImageCreateVariationParams
from openai.types.image_edit_params import ImageEditParamsNonStreaming, ImageEditParamsStreaming
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming, ImageGenerateParamsStreaming
from openai.types.moderation_create_params import ModerationCreateParams

from infraprism.openai.typed.arguments import RequestOptions


class ImageArguments(ImageGenerateParamsNonStreaming, RequestOptions, total=False):
    """Arguments of making images."""


class ImageStreamArguments(ImageGenerateParamsStreaming, RequestOptions, total=False):
    """Arguments of making images as a stream."""


class ImageEditArguments(ImageEditParamsNonStreaming, RequestOptions, total=False):
    """Arguments of editing images."""


class ImageEditStreamArguments(ImageEditParamsStreaming, RequestOptions, total=False):
    """Arguments of editing images as a stream."""


class ImageVariationArguments(ImageCreateVariationParams, RequestOptions, total=False):
    """Arguments of varying an image."""


class SpeechArguments(SpeechCreateParams, RequestOptions, total=False):
    """Arguments of a speech."""


class TranscriptionArguments(TranscriptionCreateParamsNonStreaming, RequestOptions, total=False):
    """Arguments of a transcription."""


class TranscriptionStreamArguments(TranscriptionCreateParamsStreaming, RequestOptions, total=False):
    """Arguments of a streamed transcription."""


class TranslationArguments(TranslationCreateParams, RequestOptions, total=False):
    """Arguments of a translation."""


class CompletionArguments(CompletionCreateParamsNonStreaming, RequestOptions, total=False):
    """Arguments of a text completion."""


class CompletionStreamArguments(CompletionCreateParamsStreaming, RequestOptions, total=False):
    """Arguments of a streamed text completion."""


class ModerationArguments(ModerationCreateParams, RequestOptions, total=False):
    """Arguments of a moderation."""


class DecisionArguments(DecisionCreateParams, RequestOptions, total=False):
    """Arguments of a decision."""
