# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.completions`, `.moderations` and `.decisions` of the drop-in clients."""

from __future__ import annotations

from typing import Any, Unpack, overload

from openai import AsyncStream, Stream
from openai.resources import completions, decisions, moderations
from openai.types import Completion, Decision, ModerationCreateResponse

from infraprism.openai.typed.media_arguments import (
    CompletionArguments,
    CompletionStreamArguments,
    DecisionArguments,
    ModerationArguments,
)


class Completions(completions.Completions):
    """`client.completions`."""

    @overload
    def create(self, **arguments: Unpack[CompletionArguments]) -> Completion: ...
    @overload
    def create(self, **arguments: Unpack[CompletionStreamArguments]) -> Stream[Completion]: ...
    def create(self, **arguments: Any) -> Any:
        """Complete a text."""


class Moderations(moderations.Moderations):
    """`client.moderations`."""

    def create(self, **arguments: Unpack[ModerationArguments]) -> ModerationCreateResponse:
        """Judge a text."""
        raise NotImplementedError


class Decisions(decisions.Decisions):
    """`client.decisions`."""

    def create(self, **arguments: Unpack[DecisionArguments]) -> Decision:
        """Answer questions about an input."""
        raise NotImplementedError


class AsyncCompletions(completions.AsyncCompletions):
    """`client.completions`."""

    @overload
    async def create(self, **arguments: Unpack[CompletionArguments]) -> Completion: ...
    @overload
    async def create(self, **arguments: Unpack[CompletionStreamArguments]) -> AsyncStream[Completion]: ...
    async def create(self, **arguments: Any) -> Any:
        """Complete a text."""


class AsyncModerations(moderations.AsyncModerations):
    """`client.moderations`."""

    async def create(self, **arguments: Unpack[ModerationArguments]) -> ModerationCreateResponse:
        """Judge a text."""
        raise NotImplementedError


class AsyncDecisions(decisions.AsyncDecisions):
    """`client.decisions`."""

    async def create(self, **arguments: Unpack[DecisionArguments]) -> Decision:
        """Answer questions about an input."""
        raise NotImplementedError
