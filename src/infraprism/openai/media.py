"""The facts of replies that are no text: images, speech, transcripts, videos; `response.py` for the rest."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

from infraprism.openai.response import Reply, text
from infraprism.pricing import money
from infraprism.pricing.usage import getter

#: Seconds: a length above it, some 30,000 years, is none.
_LONGEST = 10**12


def images(source: Any, reply: Reply) -> None:
    """Read an images response: tokens where it reports them, else how many images there are."""
    get = getter(source)
    reply.usage_reported = get(source, "usage", None)
    data = get(source, "data", None)
    if reply.usage_reported is None and type(data) is list:
        reply.quantities["images"] = len(data)


def image_event(event: Any, reply: Reply) -> None:
    """Read one event of a stream of images; the completed one carries the usage."""
    get = getter(event)
    if str(get(event, "type", None)).endswith(".completed"):
        reply.usage_reported = get(event, "usage", None)


def transcript(source: Any, reply: Reply) -> None:
    """Read a transcription or translation: its usage, else its duration. A plain text says neither."""
    if isinstance(source, str):
        return
    get = getter(source)
    reply.usage_reported = get(source, "usage", None)
    if reply.usage_reported is None:
        _seconds(get(source, "duration", None), "audio_seconds", reply)


def transcript_event(event: Any, reply: Reply) -> None:
    """Read one event of a streamed transcription; the last one carries the usage."""
    get = getter(event)
    if get(event, "type", None) == "transcript.text.done":
        reply.usage_reported = get(event, "usage", None)


def video(source: Any, reply: Reply) -> None:
    """Read a video job, which is billed by the length it was ordered with."""
    get = getter(source)
    reply.id = text(get(source, "id", None))
    reply.model = text(get(source, "model", None))
    status = text(get(source, "status", None))
    if status is not None:
        reply.finish(0, status)
    if status == "failed":
        error = get(source, "error", None)
        reply.error_type = text(getter(error)(error, "code", None)) or "error"
    _seconds(get(source, "seconds", None), "video_seconds", reply)


def characters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a request for speech is billed by: the characters to speak."""
    spoken = arguments.get("input")
    return {"input_characters": len(spoken)} if isinstance(spoken, str) else {}


def _seconds(value: Any, name: str, reply: Reply) -> None:
    """Take `value` for a length; where it cannot be one, say so."""
    if value is None:
        return
    seconds = math.nan
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            seconds = float(value)
    if 0 <= seconds <= _LONGEST:
        reply.quantities[name] = money.written(seconds)
    else:
        reply.quantities["invalid"] = (name,)
