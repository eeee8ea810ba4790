"""What one call used: the quantities that it can be billed by."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple


class Usage(NamedTuple):
    """Billed quantities of one call; None where the API reported none.

    Inclusive, as OpenAI reports them: a part is never added to its whole.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    #: Parts of `input_tokens`.
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    input_audio_tokens: int | None = None
    #: Parts of `output_tokens`.
    reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    #: Names of the fields whose reported value was impossible and has been dropped.
    invalid: tuple[str, ...] = ()
    #: Things the call is known to be billed for beside these quantities, which have no price here.
    unpriced: tuple[str, ...] = ()
    #: Parts of `input_tokens` and of `output_tokens`.
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    #: Parts of `cache_read_tokens`, and of `input_audio_tokens` and `input_image_tokens`.
    cache_read_audio_tokens: int | None = None
    cache_read_image_tokens: int | None = None
    #: Characters that were spoken, where no tokens were reported for them.
    input_characters: int | None = None
    #: Length of the audio that was sent, where no tokens were reported for it.
    audio_seconds: Decimal | int | None = None
    #: Images that were made, where no tokens were reported for them.
    images: int | None = None
    #: Length of the video that was made.
    video_seconds: Decimal | int | None = None
    #: Calls of built-in tools.
    web_searches: int | None = None
    file_searches: int | None = None
    #: What the provider itself says that the whole call costs, in USD.
    reported_cost: Decimal | None = None


#: Where the fields begin that a plain chat completion leaves alone, and what they hold then.
FURTHER = Usage._fields.index("unpriced") + 1
NOTHING = (None,) * (len(Usage._fields) - FURTHER)


def getter(source: Any) -> Callable[[Any, str, Any], Any]:
    """How to get a named value of `source`, a dict or an object: called with it, the name and a default."""
    return dict.get if isinstance(source, dict) else getattr
