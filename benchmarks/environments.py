"""An environment for each variant, so that none is installed where InfraPrism is developed and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from variants import OURS, VARIANTS

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".environments" / "benchmarks"


class NotInstalledError(Exception):
    """A variant does not install beside this client and SDK; the message is the installer's."""


def python_of(variant: str) -> str:
    """The interpreter of a variant's environment, which is made or brought up to date.

    All have the client and the SDK of the environment that this runs in.

    Raises:
        NotInstalledError: the package cannot be had with these.
    """
    package = VARIANTS[variant].package
    folder = ENVIRONMENTS / (variant if package else OURS)
    python = str(folder / "bin" / "python")
    same = [f"{name}=={version(name)}" for name in ("openai", "opentelemetry-sdk")]
    # Not editable: what is installed is compiled, as the peers are.
    wanted = [package] if package else ["--reinstall-package", "infraprism", f"{ROOT}[openai,sdk]"]
    try:
        if not folder.exists():
            _uv("venv", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--python", python, "--compile-bytecode", "--upgrade", *wanted, *same)
    except subprocess.CalledProcessError as error:
        raise NotInstalledError(" ".join(error.stderr.split())) from None
    return python


def installed(variant: str, python: str) -> str:
    """The version of a variant's package in its environment."""
    code = f"from importlib.metadata import version; print(version({VARIANTS[variant].package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _uv(*arguments: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    subprocess.run([uv, *arguments, "--quiet"], check=True, capture_output=True, text=True)
