"""Where records go and where they wait: from the arguments, the environment, and defaults, in this order."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from opentelemetry.util.re import parse_env_headers

_logger = logging.getLogger(__name__)

Signal = Literal["traces", "logs"]
Compression = Literal["gzip", "deflate", "none"]
#: What is delivered: all, or what has a cost or a session.
Only = Literal["all", "costs"]
Protocol = Literal["http/protobuf", "grpc"]

API_KEY: Final = "INFRAPRISM_API_KEY"
SPOOL_DIR: Final = "INFRAPRISM_SPOOL_DIR"
SPOOL_MAX_BYTES: Final = "INFRAPRISM_SPOOL_MAX_BYTES"
SPOOL_FSYNC: Final = "INFRAPRISM_SPOOL_FSYNC"
SPOOL_ONLY: Final = "INFRAPRISM_SPOOL_ONLY"
SPOOL_EXIT_SECONDS: Final = "INFRAPRISM_SPOOL_EXIT_SECONDS"

_DEFAULT_ENDPOINT: Final = "http://localhost:4318"
_DEFAULT_GRPC_ENDPOINT: Final = "http://localhost:4317"
_LEAST_BYTES: Final = 2**20


@dataclass(frozen=True)
class Settings:
    """Of one signal.

    Attributes:
        endpoint: the full URL that requests are sent to.
        headers: sent with each request, the key among them.
        timeout: seconds for a request, from the connection to the end of the answer.
        certificate: file of the authorities that the server's certificate is checked by; None: the system's.
        client_certificate, client_key: files, where the server wants to know who sends.
        directory: of all spools of this user.
        max_bytes: of one process's spool, and of all that dead processes have left.
        fsync: whether a record has to outlast a loss of power before the application goes on.
        exit_seconds: how long the end of the program waits for a delivery.
    """

    signal: Signal
    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0
    compression: Compression = "gzip"
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    protocol: Protocol = "http/protobuf"
    directory: Path = Path()
    max_bytes: int = 512 * 2**20
    fsync: bool = False
    only: Only = "all"
    exit_seconds: float = 5.0

    @property
    def folder(self) -> Path:
        """Of the spools that go to the same place: no process may send another's records elsewhere."""
        host = re.sub(r"[^A-Za-z0-9.-]+", "_", urlsplit(self.endpoint).netloc.rpartition("@")[2])
        digest = hashlib.sha256(self.endpoint.encode()).hexdigest()[:12]
        return self.directory / f"{self.signal}-{host[:60]}-{digest}"


def load(
    signal: Signal,
    *,
    endpoint: str | None = None,
    headers: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
    timeout: float | None = None,
    compression: str | None = None,
    certificate_file: str | None = None,
    client_certificate_file: str | None = None,
    client_key_file: str | None = None,
    spool_directory: str | os.PathLike[str] | None = None,
    spool_max_bytes: int | None = None,
    spool_fsync: bool | None = None,
    spool_only: str | None = None,
    exit_seconds: float | None = None,
) -> Settings:
    """The settings of a signal. A variable that cannot be used is warned of, and its default taken.

    Raises `ValueError` for an argument that cannot be used.
    """
    # The general variable says nothing: `opentelemetry-instrument` sets it to grpc where it is not set.
    protocol: Protocol = "grpc" if _otlp_of(signal, "PROTOCOL") == "grpc" else "http/protobuf"
    return Settings(
        signal=signal,
        endpoint=endpoint or _endpoint(signal, protocol),
        headers=_headers(signal, headers or {}),
        timeout=_positive(_otlp_name(signal, "TIMEOUT"), timeout, 10.0),
        compression=_choice(_otlp_name(signal, "COMPRESSION"), compression, "gzip", get_args(Compression)),  # type: ignore[arg-type]
        certificate=certificate_file or _otlp(signal, "CERTIFICATE"),
        client_certificate=client_certificate_file or _otlp(signal, "CLIENT_CERTIFICATE"),
        client_key=client_key_file or _otlp(signal, "CLIENT_KEY"),
        protocol=protocol,
        directory=Path(spool_directory or os.environ.get(SPOOL_DIR, "").strip() or _default_directory()),
        max_bytes=max(int(_positive(SPOOL_MAX_BYTES, spool_max_bytes, 512 * 2**20)), _LEAST_BYTES),
        fsync=_fsync(spool_fsync),
        only=_choice(SPOOL_ONLY, spool_only, "all", get_args(Only)),  # type: ignore[arg-type]
        exit_seconds=_positive(SPOOL_EXIT_SECONDS, exit_seconds, 5.0),
    )


def _otlp_of(signal: Signal, name: str) -> str | None:
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "").strip() or None


def _otlp_name(signal: Signal, name: str) -> str:
    """The variable that is set: the signal's own, else the one for all signals."""
    return (
        f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}"
        if _otlp_of(signal, name)
        else f"OTEL_EXPORTER_OTLP_{name}"
    )


def _otlp(signal: Signal, name: str) -> str | None:
    return os.environ.get(_otlp_name(signal, name), "").strip() or None


def _endpoint(signal: Signal, protocol: Protocol) -> str:
    general = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if protocol == "grpc":
        return _otlp(signal, "ENDPOINT") or _DEFAULT_GRPC_ENDPOINT
    return _otlp_of(signal, "ENDPOINT") or f"{(general or _DEFAULT_ENDPOINT).removesuffix('/')}/v1/{signal}"


def _headers(signal: Signal, given: Mapping[str, str] | Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not isinstance(given, Mapping):  # as a configuration file has those of the official exporter
        given = {each["name"]: each["value"] for each in given}
    headers = dict(parse_env_headers(_otlp(signal, "HEADERS") or "", liberal=True))
    headers |= {name.lower(): str(value) for name, value in given.items()}
    key = os.environ.get(API_KEY, "").strip()
    if key:
        headers.setdefault("authorization", f"Bearer {key}")
    return headers


def _default_directory() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "").strip()
    if state:
        return Path(state, "infraprism", "spool")
    home = os.path.expanduser("~")
    if os.path.isabs(home) and os.access(home, os.W_OK | os.X_OK):
        return Path(home, ".local", "state", "infraprism", "spool")
    return Path(tempfile.gettempdir(), f"infraprism-spool-{os.getuid()}")


def _fsync(given: bool | None) -> bool:
    return given if given is not None else _choice(SPOOL_FSYNC, None, "off", ("on", "off")) == "on"


def _choice(variable: str, given: str | None, default: str, known: tuple[str, ...]) -> str:
    written = (given or os.environ.get(variable, "")).strip().lower()
    if written in known:
        return written
    if given:
        raise ValueError(f"{given!r} is none of {', '.join(known)}")
    if written:
        _logger.warning("%s must be one of %s", variable, ", ".join(known))
    return default


def _positive(variable: str, given: float | None, default: float) -> float:
    if given is not None:
        if not 0 < given < float("inf"):
            raise ValueError("a time or a size must be above 0")
        return float(given)
    written = os.environ.get(variable, "").strip()
    if not written:
        return default
    try:
        number = float(written)
    except ValueError:
        number = 0.0
    if 0 < number < float("inf"):
        return number
    _logger.warning("%s must be a number above 0", variable)
    return default
