"""The collector as a process: one line for each start-up error, the address once it listens, a clean stop."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal, NamedTuple, TextIO

import uvicorn
from starlette.applications import Starlette

from infraprism import settings
from infraprism.collector import logs
from infraprism.collector.access.hosts import is_loopback
from infraprism.collector.app import create_app
from infraprism.collector.budgets.watch import Watch
from infraprism.collector.budgets.webhooks import Signer
from infraprism.collector.store.interface import CannotOpenError
from infraprism.collector.store.opening import open_store
from infraprism.collector.upkeep.keeper import Keeper

if TYPE_CHECKING:
    from infraprism.collector.ingest.over_grpc import GrpcServer

#: Seconds that running requests get to finish at the stop.
STOP_SECONDS = 10
#: Longer than exporters pause between batches (5 s by default): a connection closed under a request that is
#: just being sent looks like a failure to its sender.
KEEP_ALIVE_SECONDS = 75


class CannotStartError(Exception):
    """The collector cannot start; the message is one line that names what is in the way."""


def run(
    host: str,
    port: int,
    database: str,
    api_key: str | None,
    prices: Path | None = None,
    retention: int | None = None,
    backups: Path | None = None,
    log_format: str = "text",
    trace_url: str | None = None,
    webhook_secret: str | None = None,
    webhook_private: bool = False,
    grpc_port: int | Literal["off"] | None = "off",
    output: TextIO = sys.stdout,
) -> None:
    """Serve until SIGINT or SIGTERM; prints one line to `output` once it listens.

    `database`: a file, or the address of a ClickHouse database. `prices`: the file of the user's own,
    by which stored calls are priced again. Port 0 takes a free one.
    `grpc_port`: None takes the default where that is free, and else goes without.
    `retention`: nanoseconds for which calls are kept; None keeps them for good.
    `backups`: the folder of online backups. `log_format`: `text` or `json`.
    `trace_url`: where the dashboard links for a trace, with ``{trace_id}`` in it.
    `webhook_secret`: what webhooks of budgets are signed by; None sends none. `webhook_private`: they may go
    to addresses that are not public.
    Raises `CannotStartError`.
    """
    logs.configure(log_format)
    if backups is not None and not backups.is_dir():
        raise CannotStartError(f"{backups} is no folder for backups")
    with _listen(host, port) as listener:
        try:
            store = open_store(database)
        except CannotOpenError as error:
            raise CannotStartError(str(error)) from error
        signer = None if webhook_secret is None else Signer(webhook_secret)
        try:
            app = create_app(
                store,
                api_key=api_key,
                local_only=is_loopback(host),
                prices=prices,
                backups=backups,
                trace_url=trace_url,
                signer=signer,
                allow_private=webhook_private,
            )
            if not is_loopback(host) and not app.state.keyring.has_usable:
                raise CannotStartError(
                    f"{host} can be reached from other machines: make a key with `infraprism keys create`,"
                    " set INFRAPRISM_API_KEY, or listen on 127.0.0.1"
                )
            grpc_server = _grpc(app, host, grpc_port)
            keeper = Keeper(store, app.state.keyring, retention)
            watch = Watch(store, signer, allow_private=webhook_private)
            keeper.start()
            watch.start()
            try:
                _serve(app, store.place, host, listener, grpc_server, output)
            finally:
                watch.close()
                keeper.close()
        finally:
            store.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
        # asyncio sets it only on sockets that name their protocol; without it the second half of an answer
        # waits for the first to be acknowledged, 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, UnicodeError) as error:
        reason = str(error.strerror if isinstance(error, OSError) else error).partition(" (while")[0]
        raise CannotStartError(f"cannot listen on {host}:{port}: {reason}") from error


class _Server(uvicorn.Server):
    """Says when it listens, which is when its port answers and not before."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Starlette,
        announcement: str,
        grpc_server: _Grpc | None,
        output: TextIO,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._announcement = announcement
        self._grpc = grpc_server
        self._output = output

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.is_stopping = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._grpc is not None:
            self._announcement += await self._grpc.start()
        await super().startup(sockets)
        print(self._announcement, file=self._output, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._grpc is not None:
            await self._grpc.server.stop(STOP_SECONDS)
        await super().shutdown(sockets)


class _Grpc(NamedTuple):
    """The second port, and where it is."""

    server: GrpcServer
    host: str
    port: int
    #: Whether somebody asked for this port: then there is no going on without it.
    is_asked_for: bool

    async def start(self) -> str:
        """What to say of it. Raises `CannotStartError`."""
        try:
            return f", OTLP/gRPC on port {await self.server.start(self.host, self.port)}"
        except RuntimeError:  # somebody else was quicker than we, since the port was free
            taken = f"cannot listen on {self.host}:{self.port}: Address already in use"
            if self.is_asked_for:
                raise CannotStartError(taken) from None
            _go_without(taken)
            return ""


def _go_without(reason: object) -> None:
    print(f"{reason}; going on without OTLP/gRPC (--grpc-port chooses another port)", file=sys.stderr)  # noqa: T201


def _grpc(app: Starlette, host: str, port: int | Literal["off"] | None) -> _Grpc | None:
    if port == "off":
        return None
    wanted = settings.DEFAULT_GRPC_PORT if port is None else port
    try:
        _listen(host, wanted).close()  # its own words for a port that is taken are many
    except CannotStartError as error:
        if port is not None:
            raise
        _go_without(error)
        return None
    from infraprism.collector.ingest.over_grpc import GrpcServer  # a tenth of a second, and 15 MB

    return _Grpc(GrpcServer(app.state.receiver, app.state.keyring), host, wanted, port is not None)


def _serve(
    app: Starlette,
    database: str,
    host: str,
    listener: socket.socket,
    grpc_server: _Grpc | None,
    output: TextIO,
) -> None:
    shown_host = f"[{host}]" if ":" in host else host
    line = (
        f"InfraPrism collector listening on http://{shown_host}:{listener.getsockname()[1]},"
        f" data in {database}"
    )
    server = _Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_config=None,  # logs go where `logs.configure` has all of them go
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ),
        app,
        line,
        grpc_server,
        output,
    )
    # uvicorn raises the signals it caught once more when it is done: a stop that was asked for is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
