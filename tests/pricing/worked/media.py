"""Audio, images, embeddings and what else is no text at OpenAI."""

from __future__ import annotations

from typing import Any

from tests.support.worked import Case, completion, tokens


def audio(model: str, bill: str, status: str = "priced") -> Case:
    """1,100 tokens in and 600 out, of which 1,000 and 500 of audio."""
    usage = tokens(1100, 600, of_prompt={"audio_tokens": 1000}, audio_tokens=500)
    return Case(f"audio: {model}", "chat", completion(model, usage), bill, status)


def embedded(model: str, bill: str, **more: Any) -> Case:
    body = {
        "object": "list",
        "model": model,
        "data": [],
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    }
    name = f"embeddings: {model}{' in a batch' if more.get('batch') else ''}"
    return Case(name, "embeddings", body, bill, "priced" if bill else "unpriced", **more)


def spoken(model: str, bill: str) -> Case:
    asked = {"model": model, "voice": "alloy", "input": "naïve " * 100}
    return Case(
        f"speech: {model}", "speech", b"".decode(), bill, "priced" if bill else "unpriced", asked=asked
    )


def heard(name: str, model: str, body: Any, bill: str, method: str = "transcription") -> Case:
    status = "priced" if bill else "unpriced"
    return Case(f"{method}: {name}", method, body, bill, status, asked={"model": model, "file": "a.wav"})


def by_tokens(text: int, audio: int, outputs: int) -> dict[str, Any]:
    details = {"text_tokens": text, "audio_tokens": audio}
    inputs = text + audio
    return {
        "type": "tokens",
        "input_tokens": inputs,
        "input_token_details": details,
        "output_tokens": outputs,
        "total_tokens": inputs + outputs,
    }


def drawn(name: str, model: str, usage: Any, bill: str, status: str = "priced", **more: Any) -> Case:
    body = {"created": 1795348800, "data": [{"b64_json": "aGk="}], "usage": usage}
    return Case(f"images: {name}", "image", body, bill, status, asked={"model": model}, **more)


def image_usage(text: int, image: int, outputs: int, **output_details: int) -> dict[str, Any]:
    inputs = text + image
    usage = {
        "input_tokens": inputs,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        "output_tokens": outputs,
        "total_tokens": inputs + outputs,
    }
    return usage | ({"output_tokens_details": output_details} if output_details else {})


def realtime(
    name: str, model: str, inputs: dict[str, int], cached: dict[str, int], outputs: dict[str, int], bill: str
) -> Case:
    """A response over a Realtime connection; tokens by their kind, the cached ones inside the others."""

    def of(kinds: dict[str, int]) -> dict[str, int]:
        return {f"{kind}_tokens": count for kind, count in kinds.items()}

    details = {**of(inputs), "cached_tokens": sum(cached.values()), "cached_tokens_details": of(cached)}
    usage = {
        "total_tokens": sum(inputs.values()) + sum(outputs.values()),
        "input_tokens": sum(inputs.values()),
        "output_tokens": sum(outputs.values()),
        "input_token_details": details,
        "output_token_details": of(outputs),
    }
    body = {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "completed",
        "model": model,
        "usage": usage,
    }
    return Case(f"realtime: {name}", "realtime", body, bill)


AUDIO = [
    audio(
        "gpt-audio-2025-08-28",
        "input 100 * 2.50 + input_audio 1000 * 32 + output 100 * 10 + output_audio 500 * 64",
    ),
    audio(
        "gpt-audio-mini",
        "input 100 * 0.60 + input_audio 1000 * 10 + output 100 * 2.40 + output_audio 500 * 20",
    ),
    # The list has prices for its text only.
    audio("gpt-4o-audio-preview", "input 100 * 2.50 + output 100 * 10", "partial"),
    Case(
        "audio: none in a model that could",
        "chat",
        completion("gpt-audio", tokens(100, 50)),
        "input 100 * 2.50 + output 50 * 10",
    ),
    spoken("tts-1", "input_characters 600 * 15"),
    spoken("tts-1-hd", "input_characters 600 * 30"),
    spoken("gpt-4o-mini-tts", ""),  # by tokens, which no reply reports
    heard(
        "by seconds",
        "whisper-1",
        {"text": "Hi", "usage": {"type": "duration", "seconds": 60}},
        "audio_seconds 60 * 0.36",
    ),
    heard(
        "by a part of a second",
        "whisper-1",
        {"text": "Hi", "usage": {"type": "duration", "seconds": 0.7}},
        "audio_seconds 0.7 * 0.36",
    ),
    heard(
        "by its own duration",
        "whisper-1",
        {"text": "Hi", "duration": 8.47, "language": "english"},
        "audio_seconds 8.47 * 0.36",
    ),
    heard(
        "by a duration in words",
        "whisper-1",
        {"text": "Hi", "duration": "90.5"},
        "audio_seconds 90.5 * 0.36",
        "translation",
    ),
    heard("nothing but text", "whisper-1", {"text": "Hi"}, ""),
    heard("plain text", "whisper-1", "Hi\n", ""),
    heard(
        "rounded to 12 places",
        "gpt-live-transcribe",
        {"text": "Hi", "usage": {"type": "duration", "seconds": 7}},
        "audio_seconds 7 * 1.02",
    ),
    heard(
        "by tokens",
        "gpt-4o-transcribe",
        {"text": "Hi", "usage": by_tokens(50, 950, 200)},
        "input 50 * 2.50 + input_audio 950 * 6 + output 200 * 10",
    ),
    heard(
        "by tokens, mini",
        "gpt-4o-mini-transcribe",
        {"text": "Hi", "usage": by_tokens(0, 950, 200)},
        "input 0 * 1.25 + input_audio 950 * 3 + output 200 * 5",
    ),
    heard(
        "a stream",
        "gpt-4o-transcribe",
        [
            {"type": "transcript.text.delta", "delta": "Hi"},
            {"type": "transcript.text.done", "text": "Hi", "usage": by_tokens(14, 31, 45)},
        ],
        "input 14 * 2.50 + input_audio 31 * 6 + output 45 * 10",
    ),
]

REALTIME = [
    realtime(
        "text and audio",
        "gpt-realtime-2025-08-28",
        {"text": 119, "audio": 13, "image": 0},
        {"text": 0, "audio": 0, "image": 0},
        {"text": 30, "audio": 91},
        "input 119 * 4 + input_audio 13 * 32 + output 30 * 16 + output_audio 91 * 64",
    ),
    realtime(
        "cached text and audio",
        "gpt-realtime",
        {"text": 1000, "audio": 2000, "image": 0},
        {"text": 640, "audio": 1280, "image": 0},
        {"text": 100, "audio": 400},
        "input 360 * 4 + cache_read 640 * 0.40 + input_audio 720 * 32 + cache_read_audio 1280 * 0.40"
        " + output 100 * 16 + output_audio 400 * 64",
    ),
    realtime(
        "cached audio of the mini model has a price of its own",
        "gpt-realtime-mini",
        {"text": 1000, "audio": 2000, "image": 0},
        {"text": 640, "audio": 1280, "image": 0},
        {"text": 0, "audio": 400},
        "input 360 * 0.60 + cache_read 640 * 0.06 + input_audio 720 * 10 + cache_read_audio 1280 * 0.30"
        " + output 0 * 2.40 + output_audio 400 * 20",
    ),
    realtime(
        "an image",
        "gpt-realtime",
        {"text": 100, "audio": 200, "image": 300},
        {"text": 0, "audio": 0, "image": 128},
        {"text": 10, "audio": 40},
        "input 100 * 4 + input_audio 200 * 32 + input_image 172 * 5 + cache_read_image 128 * 0.50"
        " + output 10 * 16 + output_audio 40 * 64",
    ),
    realtime(
        "an older model",
        "gpt-4o-realtime-preview-2024-12-17",
        {"text": 100, "audio": 200, "image": 0},
        {"text": 64, "audio": 128, "image": 0},
        {"text": 10, "audio": 40},
        "input 36 * 5 + cache_read 64 * 2.50 + input_audio 72 * 40 + cache_read_audio 128 * 2.50"
        " + output 10 * 20 + output_audio 40 * 80",
    ),
    Case(
        "realtime: what was heard",
        "realtime transcription",
        {"type": "conversation.item.input_audio_transcription.completed", "usage": by_tokens(4, 22, 8)},
        "input 4 * 2.50 + input_audio 22 * 6 + output 8 * 10",
        asked={"model": "gpt-4o-transcribe"},
    ),
    Case(
        "live: a session by its length",
        "live",
        {
            "id": "live_1",
            "model": "gpt-live-1",
            "status": "closed",
            "usage": {"type": "duration", "seconds": 600},
        },
        "audio_seconds 600 * 3",
    ),
    Case(
        "live: a session so far",
        "live",
        {
            "id": "live_1",
            "model": "gpt-live-1",
            "status": None,
            "usage": {"type": "duration", "seconds": 600},
        },
        "audio_seconds 600 * 3",
        "partial",
    ),
]

IMAGES = [
    drawn(
        "gpt-image-1 makes nothing but images",
        "gpt-image-1",
        image_usage(50, 1000, 4160),
        "input 50 * 5 + input_image 1000 * 10 + output 4160 * 40",
    ),
    drawn(
        "images and text apart",
        "gpt-image-1.5",
        image_usage(50, 0, 4260, image_tokens=4160, text_tokens=100),
        "input 50 * 5 + output 100 * 10 + output_image 4160 * 32",
    ),
    drawn(
        "not said how many tokens were images'",
        "gpt-image-1.5",
        {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210},
        "input 50 * 5 + output 4160 * 10",
        "partial",
    ),
    drawn(
        "the small model",
        "gpt-image-1-mini",
        image_usage(50, 1000, 1056),
        "input 50 * 2 + input_image 1000 * 2.50 + output 1056 * 8",
    ),
    drawn(
        "in a batch",
        "gpt-image-1",
        image_usage(50, 1000, 4160),
        "input 50 * 2.50 + input_image 1000 * 5 + output 4160 * 20",
        batch=True,
    ),
    drawn("by the image", "dall-e-3", None, "", "unpriced"),
    Case(
        "images: a stream",
        "image",
        [
            {"type": "image_generation.partial_image", "partial_image_index": 0},
            {"type": "image_generation.completed", "usage": image_usage(10, 0, 272)},
        ],
        "input 10 * 5 + output 272 * 40",
        asked={"model": "gpt-image-1"},
    ),
    # In a chat an image costs what text costs.
    Case(
        "images: looked at in a chat",
        "chat",
        completion("gpt-4o-2024-08-06", tokens(1200, 100, of_prompt={"image_tokens": 765})),
        "input 1200 * 2.50 + output 100 * 10",
    ),
]

OTHERS = [
    embedded("text-embedding-3-small", "input 1000 * 0.02"),
    embedded("text-embedding-3-large", "input 1000 * 0.13"),
    embedded("text-embedding-ada-002", "input 1000 * 0.10"),
    embedded("text-embedding-3-small", "", batch=True),  # the list has no batches of it
    Case(
        "moderation",
        "moderation",
        {"id": "modr-1", "model": "omni-moderation-latest", "results": []},
        "nothing",
        "free",
    ),
    Case(
        "decision",
        "decision",
        {"id": "dec_1", "model": "gpt-6-luna", "usage": {"input_tokens": 1000, "total_tokens": 1000}},
        "input 1000 * 0.10",
    ),
    Case(
        "video",
        "video",
        {"id": "video_1", "object": "video", "model": "sora-2", "status": "queued", "seconds": "8"},
        "",
        "unpriced",
    ),
]

CASES = [*AUDIO, *REALTIME, *IMAGES, *OTHERS]
