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

#: How each failure is answered and counted. 4xx: sending the same again cannot help. 503: it can.
_REFUSALS: Final[dict[type[Exception], tuple[int, str]]] = {
    bodies.TooLargeError: (413, "too_large"),
    bodies.NotGzipError: (400, "not_gzip"),
    otlp_json.UndecodableError: (400, "undecodable"),
    QueueFullError: (503, "queue_full"),
    StoreFailedError: (503, "store_failed"),
}


class Receiver:
    """The routes' handlers."""

    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters
        # Decoding holds the interpreter: more threads would only hold more bodies in memory.
        self._decoders = anyio.CapacityLimiter(2)

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
            self._counters.requests_refused["content_type"] += 1
            return problems.answer(415, "Content-Type must be application/x-protobuf or application/json")
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            self._counters.requests_refused["content_encoding"] += 1
            accepted = {"Accept-Encoding": "gzip, identity"}
            return problems.answer(415, "Content-Encoding must be gzip or identity", accepted)
        try:
            body = await bodies.read(request)
            batch = await anyio.to_thread.run_sync(
                _decode, body, encoding == "gzip", form, signal, limiter=self._decoders
            )
            await asyncio.wrap_future(self._store.submit(batch))
        except tuple(_REFUSALS) as error:
            status, reason = _REFUSALS[type(error)]
            self._counters.requests_refused[reason] += 1
            content = otlp.encode(otlp.refused(str(error)), form)
            headers = {"Retry-After": problems.RETRY_AFTER} if status == 503 else None
            return Response(content, status, headers, media_type=form.value)
        except ClientDisconnect:
            self._counters.requests_refused["disconnected"] += 1
            return Response(status_code=400)  # nobody is there to read it
        self._counters.add(batch, of_logs=signal is signals.LOGS)
        content = otlp.encode(signal.accepted(batch.rejected), form)
        return Response(content, media_type=form.value)

    async def ignore(self, request: Request) -> Response:
        """Accept metrics, which applications send along by default, and keep nothing of them."""
        with contextlib.suppress(bodies.TooLargeError, ClientDisconnect):  # nothing of it is wanted
            await bodies.read(request)
        self._counters.requests_ignored[request.url.path.rpartition("/")[2]] += 1
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_json = media_type == otlp.Format.JSON.value
        # An export response without anything to say is an empty message in either encoding.
        return Response(b"{}" if is_json else b"", media_type=media_type or otlp.Format.PROTOBUF.value)


def _decode(body: bytes, is_gzip: bool, form: otlp.Format, signal: Signal) -> Batch:
    request, malformed = otlp.decode(bodies.gunzip(body) if is_gzip else body, form, signal.request)
    batch = signal.read(request)
    if malformed:
        batch.rejected["malformed"] += malformed
    return batch
