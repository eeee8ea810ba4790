# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.realtime` of the drop-in clients."""

from __future__ import annotations

from typing import Unpack

from openai.resources.realtime import realtime

from infraprism.openai.typed.arguments import RealtimeConnectArguments


class Realtime(realtime.Realtime):
    """`client.realtime`."""

    def connect(self, **arguments: Unpack[RealtimeConnectArguments]) -> realtime.RealtimeConnectionManager:
        """Connect to a conversation."""
        raise NotImplementedError


class AsyncRealtime(realtime.AsyncRealtime):
    """`client.realtime`."""

    def connect(
        self, **arguments: Unpack[RealtimeConnectArguments]
    ) -> realtime.AsyncRealtimeConnectionManager:
        """Connect to a conversation."""
        raise NotImplementedError
