"""OTLP over gRPC: the same requests, keys and refusals as over HTTP, in gRPC's words."""

from __future__ import annotations

import functools
from typing import Any, Final

import anyio
import anyio.to_thread
import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from infraprism.collector import problems
from infraprism.collector.access import scopes
from infraprism.collector.access.keyring import Keyring
from infraprism.collector.ingest import bodies, signals
from infraprism.collector.ingest.otlp import Format
from infraprism.collector.ingest.receiver import REFUSALS, Receiver
from infraprism.collector.ingest.signals import Signal

_SERVICES: Final = "opentelemetry.proto.collector"
#: Status over HTTP → gRPC's. Senders try again after UNAVAILABLE only.
_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}


class GrpcServer:
    """Answers on one port; belongs to the event loop that starts it."""

    def __init__(self, receiver: Receiver, keyring: Keyring) -> None:
        self._receiver = receiver
        self._keyring = keyring
        self._refreshes = anyio.CapacityLimiter(1)
        self._server: Any = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which is a free one for 0. Raises `RuntimeError`."""
        server = grpc.aio.server(
            options=[
                # Another server on the port is not to share it.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", bodies.MAX_WIRE_BYTES),
            ]
        )
        handlers = {
            f"{_SERVICES}.trace.v1.TraceService": functools.partial(self._export, signals.TRACES),
            f"{_SERVICES}.logs.v1.LogsService": functools.partial(self._export, signals.LOGS),
            f"{_SERVICES}.metrics.v1.MetricsService": self._ignore,
        }
        for service, handler in handlers.items():
            method = grpc.unary_unary_rpc_method_handler(handler)
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": method}),)
            )
        shown = f"[{host}]" if ":" in host else host
        try:
            bound: int = server.add_insecure_port(f"{shown}:{port}")
        except RuntimeError:
            await server.stop(None)
            raise
        await server.start()
        self._server = server
        return bound

    async def stop(self, seconds: float) -> None:
        """Take no more requests, and give those that run `seconds` to finish."""
        if self._server is not None:
            await self._server.stop(seconds)

    async def _export(self, signal: Signal, body: bytes, context: Any) -> bytes:
        await self._authorize(context)
        try:
            with self._receiver.room.lease() as lease:
                lease.hold(len(body))
                batch = await self._receiver.take(body, "identity", Format.PROTOBUF, signal, lease)
        except tuple(REFUSALS) as error:
            status, reason = REFUSALS[type(error)]
            self._receiver.counters.requests_refused[reason] += 1
            if status == 503:
                context.set_trailing_metadata((("grpc-status-details-bin", _retry(str(error))),))
            await context.abort(_CODES[status], str(error))
        self._receiver.counters.add(batch, of_logs=signal is signals.LOGS)
        content: bytes = signal.accepted(batch).SerializeToString()
        return content

    async def _ignore(self, body: bytes, context: Any) -> bytes:
        await self._authorize(context)
        self._receiver.counters.requests_ignored["metrics"] += 1
        return b""

    async def _authorize(self, context: Any) -> None:
        if self._keyring.is_old:
            await anyio.to_thread.run_sync(self._keyring.refresh, limiter=self._refreshes)
        if self._keyring.is_open:
            return
        sent = dict(context.invocation_metadata() or ()).get("authorization", "")
        holder = self._keyring.bearer(str(sent))
        if holder is None:
            await context.abort(
                grpc.StatusCode.UNAUTHENTICATED,
                "send the metadata authorization: Bearer <a key of the collector>",
            )
        elif not scopes.allows(holder.scopes, "ingest"):
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED, "this key does not have the scope 'ingest'"
            )


def _retry(message: str) -> bytes:
    """What tells a sender when to try again."""
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=int(problems.RETRY_AFTER))))
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=message, details=[detail])
    content: bytes = status.SerializeToString()
    return content
