"""Counts the tokens of a text: with `tiktoken` where it can be done without the network, else by a rule.

`tiktoken` fetches its encodings from the network and keeps them on disk. Here one is only ever read from that
disk cache, and on a thread of our own; until it is there, and where it never is, the rule counts.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from infraprism import guard

_BYTES_PER_TOKEN = 4
_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"

#: Encoding's name → the encoding, or None while it is not to be had.
_encodings: dict[str, Any] = {}


def by_rule(text: str) -> int:
    """Tokens of `text`, four bytes of UTF-8 each, rounded up."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-size // _BYTES_PER_TOKEN)


def counter(model: str | None) -> Callable[[str], int]:
    """How to count the tokens of a text for `model`."""
    name = encoding_name(model)
    if name not in _encodings:
        _encodings[name] = None
        if _is_at_hand(name):
            threading.Thread(target=_load, args=(name,), name="infraprism-tiktoken", daemon=True).start()
    encoding = _encodings[name]
    if encoding is None:
        return by_rule
    return lambda text: len(encoding.encode_ordinary(text))


def encoding_name(model: str | None) -> str:
    """The encoding of an OpenAI model; the newest for one that is not known."""
    old = model == "gpt-4" or (model or "").startswith(("gpt-3.5", "gpt-4-", "text-embedding"))
    return "cl100k_base" if old else "o200k_base"


def _is_at_hand(name: str) -> bool:
    """Whether `tiktoken` has the encoding without asking the network."""
    if name in getattr(sys.modules.get("tiktoken.registry"), "ENCODINGS", ()):
        return True
    # Where and under which name `tiktoken.load.read_file_cached` keeps what it fetched.
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder is None:
        folder = os.path.join(tempfile.gettempdir(), "data-gym-cache")
    key = hashlib.sha1(_URL.format(name).encode(), usedforsecurity=False).hexdigest()
    return folder != "" and os.path.isfile(os.path.join(folder, key))


@guard.guarded("telemetry_error")
def _load(name: str) -> None:
    try:
        from tiktoken import get_encoding
    except ImportError:
        return  # the rule will do
    _encodings[name] = get_encoding(name)
