"""OTLP over HTTP. A request to `/v1/traces` or `/v1/logs` is acknowledged once its rows are durable."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from infraprism.collector import problems
from infraprism.collector.counters import Counters
from infraprism.collector.ingest import bodies, otlp, otlp_json, signals
from infraprism.collector.ingest.calls import Batch
from infraprism.collector.ingest.signals import Signal
from infraprism.collector.store.interface import QueueFullError, Store, StoreFailedError

#: Larger bodies are decoded one at a time.
_LARGE_BYTES: Final = 2**20
#: How each failure is answered and counted. 4xx: sending the same again cannot help. 503: it can.
REFUSALS: Final[dict[type[Exception], tuple[int, str]]] = {
    bodies.TooLargeError: (413, "too_large"),
    bodies.NotCompressedError: (400, "not_compressed"),
    bodies.NoRoomError: (503, "no_room"),
    otlp_json.UndecodableError: (400, "undecodable"),
    QueueFullError: (503, "queue_full"),
    StoreFailedError: (503, "store_failed"),
}


class Receiver:
    """The routes' handlers."""

    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self.counters = counters
        self.room = bodies.Room()
        # Decoding holds the interpreter: more threads would only hold more bodies in memory.
        self._decoders = anyio.CapacityLimiter(2)
        self._large = anyio.CapacityLimiter(1)

    async def traces(self, request: Request) -> Response:
        """Answer one export request of spans."""
        return await self._export(request, signals.TRACES)

    async def logs(self, request: Request) -> Response:
        """Answer one of log records; only the events of calls are kept."""
        return await self._export(request, signals.LOGS)

    async def _export(self, request: Request, signal: Signal) -> Response:
        try:
            form = otlp.Format(request.headers.get("content-type", "").partition(";")[0].strip().lower())
        except ValueError:
            self.counters.requests_refused["content_type"] += 1
            return problems.answer(415, "Content-Type must be application/x-protobuf or application/json")
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in bodies.ENCODINGS:
            self.counters.requests_refused["content_encoding"] += 1
            accepted = {"Accept-Encoding": ", ".join(bodies.ENCODINGS)}
            return problems.answer(
                415, f"Content-Encoding must be one of {', '.join(bodies.ENCODINGS)}", accepted
            )
        try:
            with self.room.lease() as lease:
                body = await bodies.read(request, lease)
                batch = await self.take(body, encoding, form, signal, lease)
        except tuple(REFUSALS) as error:
            status, reason = REFUSALS[type(error)]
            self.counters.requests_refused[reason] += 1
            content = otlp.encode(otlp.refused(str(error)), form)
            headers = {"Retry-After": problems.RETRY_AFTER} if status == 503 else None
            return Response(content, status, headers, media_type=form.value)
        except ClientDisconnect:
            self.counters.requests_refused["disconnected"] += 1
            return Response(status_code=400)  # nobody is there to read it
        self.counters.add(batch, of_logs=signal is signals.LOGS)
        content = otlp.encode(signal.accepted(batch), form)
        return Response(content, media_type=form.value)

    async def take(
        self, body: bytes, encoding: str, form: otlp.Format, signal: Signal, lease: bodies.Lease
    ) -> Batch:
        """Make a body durable; raises one of the errors that `REFUSALS` has."""
        may_be_large = encoding != "identity" or len(body) > _LARGE_BYTES
        batch, size = await anyio.to_thread.run_sync(
            _decode, body, encoding, form, signal, limiter=self._large if may_be_large else self._decoders
        )
        lease.hold(size)
        await asyncio.wrap_future(self._store.submit(batch))
        return batch

    async def ignore(self, request: Request) -> Response:
        """Accept metrics, which applications send along by default, and keep nothing of them."""
        with contextlib.suppress(bodies.TooLargeError, ClientDisconnect):  # nothing of it is wanted
            await bodies.read(request)
        self.counters.requests_ignored[request.url.path.rpartition("/")[2]] += 1
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_json = media_type == otlp.Format.JSON.value
        # An export response without anything to say is an empty message in either encoding.
        return Response(b"{}" if is_json else b"", media_type=media_type or otlp.Format.PROTOBUF.value)


def _decode(body: bytes, encoding: str, form: otlp.Format, signal: Signal) -> tuple[Batch, int]:
    content = bodies.decompress(body, encoding)
    return otlp.decode(content, form, signal), len(content)
