"""Asking a running collector one thing, with its key, and saying in one line why there is no answer."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

from infraprism import semconv, settings

#: A recost of millions of calls takes minutes.
_SECONDS = 3600
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class AskError(Exception):
    """The collector gave no answer, or refused; the message is one line."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every question has."""
    parser.add_argument("--url", help="where the collector is (INFRAPRISM_HOST and INFRAPRISM_PORT)")
    parser.add_argument("--json", action="store_true", help="print the answer of the collector as it is")


def ask(
    args: argparse.Namespace, path: str, body: dict[str, Any] | None = None, method: str | None = None
) -> str:
    """The JSON that the collector answers at `path`: to `method`, else to a POST where there is a `body`.

    Raises:
        AskError: there is none.
    """
    with _answer(args, path, body, method) as response:
        return response.read().decode()


def save(args: argparse.Namespace, path: str, file: BinaryIO, *, skip_line: bool = False) -> str | None:
    """Write the file that the collector answers at `path` into `file`, but for its first line if `skip_line`.

    Returns the cursor of what did not fit into it.

    Raises:
        AskError: there is none.
    """
    with _answer(args, path, None, None) as response:
        if skip_line:
            response.readline()
        shutil.copyfileobj(response, file)
        cursor: str | None = response.headers["Infraprism-Next-Cursor"]
        return cursor


def opener() -> urllib.request.OpenerDirector:
    """Opens URLs directly: a proxy that the environment names is not the way to this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def _answer(
    args: argparse.Namespace, path: str, body: dict[str, Any] | None, method: str | None
) -> Iterator[http.client.HTTPResponse]:
    environment = settings.load(os.environ)
    url = (args.url or environment.listening).rstrip("/")
    headers = {"Content-Type": "application/json"}
    if environment.api_key is not None:
        headers["Authorization"] = f"Bearer {environment.api_key}"
    content = None if body is None else json.dumps(body).encode()
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        request = urllib.request.Request(url + path, content, headers, method=method)  # noqa: S310
        with opener().open(request, timeout=_SECONDS) as response:
            yield response
    except urllib.error.HTTPError as error:
        raise AskError(_refusal(url, error)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise  # of who reads what is printed
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or reason or type(error).__name__
        raise AskError(f"no collector answers at {url}: {reason}") from None


def read(text: str) -> Any:
    """The answer, its numbers exact, its texts fit for a terminal: names come from whoever sends calls."""
    return _shown(json.loads(text, parse_float=Decimal))


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return _CONTROL.sub("\ufffd", value)
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return {name: _shown(one) for name, one in value.items()} if isinstance(value, dict) else value


def _refusal(url: str, error: urllib.error.HTTPError) -> str:
    try:
        detail = json.loads(error.read())["detail"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{url} answers {error.code} {error.reason}: is it a collector?"
    if error.code == 401:
        return f"the collector asks for its key: set {semconv.SETTING_API_KEY}"
    return str(detail)
