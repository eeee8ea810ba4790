"""The `INFRAPRISM_*` environment variables, read once into a frozen, typed, validated object.

A value that cannot be used never stops a host application: it is reported in `Settings.problems`, its
default is used, and whoever loads the settings decides (the plugin logs a warning, the command line exits).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast, get_args

from infraprism import semconv

DEFAULT_HOST = "127.0.0.1"
#: The port of OTLP over HTTP: an exporter with no settings at all finds the local collector.
DEFAULT_PORT = 4318
#: The port of OTLP over gRPC.
DEFAULT_GRPC_PORT = 4317
DEFAULT_DATABASE = "infraprism.duckdb"
#: Calls of a session in one trace: with the HTTP spans beside them about half of what Tempo takes, 5 MB.
DEFAULT_TRACE_MAX_CALLS = 1000

#: How sessions map to traces.
SessionMode = Literal["join", "nest", "link"]
SESSION_MODES: tuple[SessionMode, ...] = get_args(SessionMode)


#: Values of OpenTelemetry's content switch that ask for content on spans; ``true`` is what it took before.
_ON_SPANS = frozenset({"span_only", "span_and_event", "true"})

#: What baggage can have, beside tags.
_BAGGAGE = frozenset({semconv.BAGGAGE_SESSION_ID, semconv.ENTITY_TYPE, semconv.ENTITY_ID})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for. Identity values are still unchecked text; `sessions` checks them."""

    #: Session, entity and tags for everything this process does (batch jobs).
    session_id: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    #: ``key=value,key=value``
    tags: str | None = None
    #: What of inbound baggage is read, and put into baggage when asked: keys of ours.
    baggage: tuple[str, ...] = ()
    #: Secret that keys the hash from a session to its trace id; without one a public constant does.
    trace_key: str | None = None
    session_mode: SessionMode = "join"
    #: Calls of a session, and hours, after which it goes on in another trace; None: however long it takes.
    trace_max_calls: int = DEFAULT_TRACE_MAX_CALLS
    trace_max_hours: int | None = None
    #: Record what is said on spans, as OpenTelemetry's switch asks; it says more (events) than we do.
    capture_content: bool = False
    #: Send calls whose spans are not sampled as events.
    unsampled_events: bool = True
    #: Ask streamed replies for their usage where the caller did not, and keep the extra chunk from it.
    stream_usage: bool = True
    #: The file of the user's own prices.
    prices: str | None = None
    #: Names of the backends whose own attributes spans carry too, still unchecked.
    compat: tuple[str, ...] = ()
    #: Bearer key: the plugin and the exporter send it, the collector asks for it. Begins with ``ip-``.
    api_key: str | None = None
    #: Where the collector listens.
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    #: The collector's database file.
    database: str = DEFAULT_DATABASE
    #: Where the collector is that the plugin asks about shared budgets: ``http://host:port``.
    collector: str | None = None
    #: One line for each variable that could not be used: its name, and what it must be.
    problems: tuple[str, ...] = ()

    @property
    def listening(self) -> str:
        """The address of the collector that listens at `host` and `port`: ``http://host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`. Empty values count as unset, as OpenTelemetry's own do."""

    def text(name: str) -> str | None:
        return environ.get(name, "").strip() or None

    def number(name: str, most: int) -> int | None:
        written = text(name)
        if written is None:
            return None
        # Python itself refuses to read a number of thousands of digits.
        if written.isascii() and written.isdigit() and len(written) <= 9 and 1 <= int(written) <= most:
            return int(written)
        problems.append(f"{name} must be a whole number from 1 to {most}")
        return None

    def is_on(name: str) -> bool:
        written = (text(name) or "true").lower()
        if written not in ("true", "false"):
            problems.append(f"{name} must be 'true' or 'false'")
        return written != "false"

    problems: list[str] = []
    api_key = text(semconv.SETTING_API_KEY)
    if api_key is not None and not api_key.startswith("ip-"):
        problems.append(f"{semconv.SETTING_API_KEY} must begin with 'ip-'")
        api_key = None
    stream_usage = is_on(semconv.SETTING_STREAM_USAGE)
    unsampled_events = is_on(semconv.SETTING_UNSAMPLED_EVENTS)
    session_mode = (text(semconv.SETTING_SESSION_MODE) or "join").lower()
    if session_mode not in SESSION_MODES:
        problems.append(f"{semconv.SETTING_SESSION_MODE} must be 'join', 'nest' or 'link'")
        session_mode = "join"
    collector = text(semconv.SETTING_COLLECTOR)
    if collector is not None and not collector.startswith(("http://", "https://")):
        problems.append(f"{semconv.SETTING_COLLECTOR} must begin with http:// or https://")
        collector = None
    port = DEFAULT_PORT
    port_text = text(semconv.SETTING_PORT)
    if port_text is not None:
        # Python itself refuses to read a number of thousands of digits.
        if port_text.isascii() and port_text.isdigit() and len(port_text) <= 5 and int(port_text) <= 65535:
            port = int(port_text)
        else:
            problems.append(f"{semconv.SETTING_PORT} must be a port number from 0 to 65535")
    baggage = tuple(key.strip() for key in (text(semconv.SETTING_BAGGAGE) or "").split(",") if key.strip())
    if not all(key in _BAGGAGE or key.removeprefix(semconv.TAG_PREFIX) not in ("", key) for key in baggage):
        known = ", ".join((*sorted(_BAGGAGE), semconv.TAG_PREFIX + "<key>"))
        problems.append(f"{semconv.SETTING_BAGGAGE} must be a list of {known}")
        baggage = ()
    return Settings(
        session_id=text(semconv.SETTING_SESSION_ID),
        entity_type=text(semconv.SETTING_ENTITY_TYPE),
        entity_id=text(semconv.SETTING_ENTITY_ID),
        tags=text(semconv.SETTING_TAGS),
        baggage=baggage,
        trace_key=text(semconv.SETTING_TRACE_KEY),
        session_mode=cast(SessionMode, session_mode),
        trace_max_calls=number(semconv.SETTING_TRACE_MAX_CALLS, 10**9 - 1) or DEFAULT_TRACE_MAX_CALLS,
        trace_max_hours=number(semconv.SETTING_TRACE_MAX_HOURS, 10**5),
        capture_content=(text(semconv.SETTING_CAPTURE_CONTENT) or "").lower() in _ON_SPANS,
        unsampled_events=unsampled_events,
        stream_usage=stream_usage,
        prices=text(semconv.SETTING_PRICES),
        compat=tuple(
            name for part in (text(semconv.SETTING_COMPAT) or "").split(",") if (name := part.strip().lower())
        ),
        api_key=api_key,
        host=text(semconv.SETTING_HOST) or DEFAULT_HOST,
        port=port,
        database=text(semconv.SETTING_DATABASE) or DEFAULT_DATABASE,
        collector=collector,
        problems=tuple(problems),
    )


@cache
def current() -> Settings:
    """The settings of this process, read from its environment at the first call."""
    return load(os.environ)
