"""Background programs of the demo: start one, read the address that it announces, stop it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP_SECONDS = 10
_ADDRESS = re.compile(r"http://\S+?(?=[,\s]|$)")


class StartError(Exception):
    """A program did not come up; the message is one line."""


class Service:
    """A tethered program that announces its address on the first line of its output, then serves.

    Its errors go to `log`. Raises `StartError` with the program's own last words where it ends instead.
    """

    def __init__(self, program: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        with log.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", "infraprism.cli.tethered", *program],
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # a Ctrl-C in the terminal is the parent's to handle
            )
        if self._process.stdout is None:
            raise AssertionError
        address = _ADDRESS.search(self._process.stdout.readline())
        if address is None:
            self._process.wait()
            lines = log.read_text(errors="replace").splitlines()
            raise StartError(lines[-1] if lines else f"{program[0]} ended without a word")
        self.url = address.group()

    def stop(self) -> None:
        """Have it finish what it has begun, and end."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def clean_environment() -> dict[str, str]:
    """This process's environment without telemetry settings, and with this machine reached directly."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "INFRAPRISM_"))
    }
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [kept.get(name), "127.0.0.1", "localhost"]))
    return kept
