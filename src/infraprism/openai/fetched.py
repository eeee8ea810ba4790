"""Responses that are fetched: one created in the background is a call once its usage comes, and only once.

Its create call ended without usage and was the turn; polling it, whatever became of it, is no call at all.
A response that was not in the background was billed by its create call, here or in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from infraprism import guard, semconv
from infraprism.openai import billed, late, pending
from infraprism.openai import response as replies
from infraprism.openai.charge import cost_of
from infraprism.openai.inside import Inside
from infraprism.openai.response import Reply
from infraprism.openai.surfaces import RESPONSES, Surface
from infraprism.openai.target import target_of
from infraprism.pricing.usage import getter


class Fetch:
    """One fetch of a response, whole or as a stream. `answer`, `end` and `fail`: the first counts."""

    __slots__ = (
        "__weakref__",
        "_began",
        "_created_at",
        "_ended",
        "_inside",
        "_place",
        "_reply",
        "_surface",
        "arguments",
    )

    def __init__(self, surface: Surface, place: late.Place, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self._surface = surface
        self._place = place
        self._reply = Reply()
        self._created_at: datetime | None = None
        self._ended = False
        self._began = datetime.now(UTC)
        self._inside = Inside(place.context, None)

    @property
    def ended(self) -> bool:
        """Whether the fetch has ended."""
        return self._ended

    def leave(self) -> None:
        """Give the caller's context back."""
        self._inside.leave()

    def again(self, error: BaseException) -> bool:
        """A fetch that fails is no call, and nothing that we could send otherwise."""
        self.leave()
        self.end()
        return False

    def streams(self) -> None:
        """A stream needs nothing more."""

    @guard.guarded("telemetry_error")
    def chunk(self, chunk: Any) -> None:
        """Take note of one event of the stream."""
        self._surface.chunk(chunk, self._reply)
        self._look(getter(chunk)(chunk, "response", None))

    #: Nothing was asked for that the caller is not to see.
    hides = False

    @property
    def reads(self) -> Callable[[Any], object]:
        """What may be shown chunks in place of `chunk`."""
        return self.chunk

    def hide(self, chunk: Any) -> bool:
        """False: the caller sees every event."""
        return False

    @guard.guarded("telemetry_error")
    def answer(self, response: Any) -> None:
        """End with a whole response."""
        if not self._ended:
            self._surface.response(response, self._reply)
            self._look(response)
            self._finish()

    def fail(self, error: BaseException) -> None:
        """End with an exception: a failed fetch is no failed call, but a stream may have said all before."""
        self.end()

    @guard.guarded("telemetry_error")
    def end(self) -> None:
        """End with what is known by now."""
        if not self._ended:
            self._finish()

    def _look(self, response: Any) -> None:
        created_at = getter(response)(response, "created_at", None)
        if created_at is not None:
            self._created_at = late.time_of(created_at)

    def _finish(self) -> None:
        self._ended = True
        reply, place = self._reply, self._place
        if reply.id is None or pending.unfinished(reply):
            return
        usage = reply.usage()
        if usage is None:
            return
        origin = pending.origin_of(reply.id)
        if (origin is None and not reply.background) or not billed.note(reply.id):
            return
        pending.fetched(reply.id)
        model = reply.model
        if origin is not None:
            place = place._replace(identity=origin.identity)
            model = origin.model or model
        cost = cost_of(
            self._surface,
            place.server,
            place.identity,
            reply,
            usage,
            asked_model=model,
            at=self._created_at or self._began,
        )
        times = late.Times(self._began, datetime.now(UTC), measured=True)
        late.record(place, target_of(self._surface, place.server, model), reply, usage, cost, times)


def _fetching(module: str, method: str) -> Surface:
    return Surface(
        module,
        "Responses",
        method,
        semconv.OPERATION_RETRIEVE_RESPONSE,
        replies.response,
        replies.response_event,
        api_type="responses",
        begins=Fetch,
    )


#: The methods that fetch a response; polled any number of times.
SURFACES = tuple(_fetching(module, method) for module in RESPONSES for method in ("retrieve", "cancel"))
