"""What sees the result of an instrumented method: a call, or what only looks for calls in the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Observer(Protocol):
    """Told what comes of a method; none of these ever raises. The first ending counts."""

    #: What to send.
    arguments: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether it has ended."""

    def leave(self) -> None:
        """The method has returned or raised: give the caller's context back."""

    def again(self, error: BaseException) -> bool:
        """The method raised `error`: True to call it again with `arguments`, which are others now."""

    def streams(self) -> None:
        """What comes is a stream."""

    def chunk(self, chunk: Any) -> None:
        """One chunk of a stream came."""

    @property
    def reads(self) -> Callable[[Any], object]:
        """What may be shown chunks in place of `chunk`; it may raise."""

    @property
    def hides(self) -> bool:
        """Whether chunks are to be shown to `hide` before the caller sees them."""

    def hide(self, chunk: Any) -> bool | None:
        """True where the caller is not to see a chunk."""

    def answer(self, response: Any) -> None:
        """The whole response came: end."""

    def fail(self, error: BaseException) -> None:
        """The caller is about to see this exception: end."""

    def end(self) -> None:
        """Nothing more will come: end."""
