"""What the collector is told: by flags, else by the environment, else by one file. One table has it all."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from infraprism import semconv, settings

#: Read where it is there, without being named.
DEFAULT_FILE: Final = "infraprism.toml"
_SHORTEST_SECRET: Final = 32
_NANOSECONDS: Final = {"h": 3_600_000_000_000, "d": 86_400_000_000_000}


class ConfigurationError(Exception):
    """Something cannot be used; the message is one line that says where it stands and what it must be."""


@dataclass(frozen=True)
class Configuration:
    """What a collector needs to know."""

    host: str
    port: int
    #: Of OTLP over gRPC; `off`: not at all. None: the default one, where that is free.
    grpc_port: int | Literal["off"] | None
    #: The file, or the address of a ClickHouse database.
    database: str
    api_key: str | None
    prices: Path | None
    #: The folder of online backups; None allows none.
    backups: Path | None
    #: Nanoseconds for which calls are kept; None keeps them for good.
    retention: int | None
    log_format: str
    #: The address of a trace in the user's tracing backend, with ``{trace_id}`` in it.
    trace_url: str | None
    #: What webhooks of budgets are signed by; None sends none.
    webhook_secret: str | None
    #: They may go to addresses that are not public, and without TLS.
    webhook_private: bool


@dataclass(frozen=True)
class Option:
    """One setting: `port` in the file, `--port`, `INFRAPRISM_PORT`."""

    name: str
    variable: str
    #: From text to value. Raises `ValueError`, which says what it must be.
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    #: A secret has no flag: other users of the machine see those.
    has_flag: bool = True


def _port(text: str) -> int:
    # Python itself refuses to read a number of thousands of digits.
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535:
        return int(text)
    raise ValueError("must be a port number from 0 to 65535")


def _grpc_port(text: str) -> int | Literal["off"]:
    if text.lower() == "off":
        return "off"
    try:
        return _port(text)
    except ValueError:
        raise ValueError("must be a port number from 0 to 65535, or 'off'") from None


def _key(text: str) -> str:
    if text.startswith("ip-"):
        return text
    raise ValueError("must begin with 'ip-'")


def _retention(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dh])", text)
    if found is None:
        raise ValueError("must be a number of days or hours such as 400d or 36h")
    return int(found[1]) * _NANOSECONDS[found[2]]


def _log_format(text: str) -> str:
    if text in ("text", "json"):
        return text
    raise ValueError("must be 'text' or 'json'")


def _trace_url(text: str) -> str:
    if text.startswith(("http://", "https://")) and "{trace_id}" in text:
        return text
    raise ValueError(
        "must be an http address with {trace_id} in it, such as https://tempo.example/{trace_id}"
    )


def _secret(text: str) -> str:
    if len(text) >= _SHORTEST_SECRET:
        return text
    raise ValueError(f"must have at least {_SHORTEST_SECRET} characters")


def _switch(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise ValueError("must be 'true' or 'false'")


#: By name in the file. The flag is the name with dashes.
OPTIONS: Final = {
    option.name: option
    for option in (
        Option("host", semconv.SETTING_HOST, str, settings.DEFAULT_HOST, "address to listen on"),
        Option("port", semconv.SETTING_PORT, _port, settings.DEFAULT_PORT, "port, 0 for a free one"),
        Option(
            "grpc_port",
            semconv.SETTING_GRPC_PORT,
            _grpc_port,
            None,
            f"port of OTLP over gRPC, or off; {settings.DEFAULT_GRPC_PORT} where that is free",
        ),
        Option("database", semconv.SETTING_DATABASE, str, settings.DEFAULT_DATABASE, "database file"),
        Option("api_key", semconv.SETTING_API_KEY, _key, None, "a key with all scopes", has_flag=False),
        Option("prices", semconv.SETTING_PRICES, Path, None, "file of your own prices"),
        Option("backups", semconv.SETTING_BACKUPS, Path, None, "folder of online backups"),
        Option(
            "retention",
            semconv.SETTING_RETENTION,
            _retention,
            None,
            "age at which calls are deleted: 400d, 36h",
        ),
        Option("log_format", semconv.SETTING_LOG_FORMAT, _log_format, "text", "text or json, a line each"),
        Option("trace_url", semconv.SETTING_TRACE_URL, _trace_url, None, "address of a trace elsewhere"),
        Option(
            "webhook_secret",
            semconv.SETTING_WEBHOOK_SECRET,
            _secret,
            None,
            "what webhooks of budgets are signed by",
            has_flag=False,
        ),
        Option(
            "webhook_private",
            semconv.SETTING_WEBHOOK_PRIVATE,
            _switch,
            False,
            "true: webhooks may go to addresses that are not public",
        ),
    )
}


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the flags of these settings, or of all; and the one that names the file."""
    for name in names or OPTIONS:
        option = OPTIONS[name]
        if option.has_flag:
            shown = "" if option.default is None else f", {option.default}"
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                type=_argument(option),
                help=f"{option.meaning} ({option.variable}{shown})",
            )
    parser.add_argument("--config", type=Path, help=f"TOML file with these settings ({DEFAULT_FILE})")


def read(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Configuration:
    """What flags, environment and file say, in this order. Raises `ConfigurationError`."""
    path = Path(DEFAULT_FILE) if args.config is None else args.config
    values = _file(path, is_asked_for=args.config is not None)
    values |= _environment(environ)
    flags = {name: getattr(args, name, None) for name in OPTIONS}
    values |= {name: value for name, value in flags.items() if value is not None}
    return Configuration(**{name: values.get(name, option.default) for name, option in OPTIONS.items()})


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values, problems = {}, []
    for name, option in OPTIONS.items():
        # Empty values count as unset, as OpenTelemetry's own do.
        if text := environ.get(option.variable, "").strip():
            try:
                values[name] = option.parse(text)
            except ValueError as error:
                problems.append(f"{option.variable} {error}")
    if problems:
        raise ConfigurationError("; ".join(problems))
    return values


def _file(path: Path, *, is_asked_for: bool) -> dict[str, Any]:
    try:
        written = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if is_asked_for:
            raise ConfigurationError(f"{path}: there is no such file") from None
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{path}: {reason}") from None
    values = {}
    for name, value in written.items():
        if name not in OPTIONS:
            near = difflib.get_close_matches(name, OPTIONS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(OPTIONS)}"
            raise ConfigurationError(f"{path}: {name} is not known; {hint}")
        if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
            raise ConfigurationError(f"{path}: {name} must be a text or a whole number")
        try:
            values[name] = OPTIONS[name].parse(str(value).strip())
        except ValueError as error:
            raise ConfigurationError(f"{path}: {name} {error}") from None
    return values


def _argument(option: Option) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return option.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} cannot be used: it {error}") from None

    return parse
