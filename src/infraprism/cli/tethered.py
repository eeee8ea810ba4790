"""Run a Python program for only as long as the process that started it: `python -m infraprism.cli.tethered`.

The parent holds the other end of this process's standard input. When the parent ends, however it ends, the
pipe closes and this process gets the SIGTERM that would have been sent to it. Works on every platform.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path


def _stop_with_parent() -> None:
    # Not through `sys.stdin`: its lock would be held by this thread when the interpreter shuts down.
    while os.read(0, 1024):
        pass  # nobody writes: only the end counts
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the program named by the arguments: a file, or ``-m`` and a module, then its own arguments."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    if sys.argv[1] == "-m":
        sys.argv = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[1:]
        sys.path[0] = str(Path(sys.argv[0]).parent)  # as if the program had been started itself
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
