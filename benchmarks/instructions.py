"""What instrumentation adds to a call, in instructions of the processor: `overhead.py` without its noise.

Valgrind counts them, and the branches that a simple processor would guess wrong; both are the same to some
percent from run to run, whatever else the machine does. They are not time: code that runs once a call waits
for memory more often than the loops of the client do.

    uv run python benchmarks/instructions.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from environments import python_of
from variants import BARE, FLOOR, OURS

PEER = "genai-openai"
FEW, MANY = 100, 300
COUNTED = {"instructions": r"I\s+refs", "wrong guesses": r"Mispredicts"}


def child(variant: str, sampled: str, calls: str) -> None:
    """Make that many calls, and end without what comes at the end of a process."""
    from measure import Calls
    from providers import start

    start(variant, sampled=sampled == "sampled")
    made = Calls(variant)
    for _ in range(int(calls)):
        made.call()
    os._exit(0)


def counts(variant: str, sampled: str, calls: int) -> dict[str, int]:
    """What a process that makes so many calls takes in all."""
    command = [
        "valgrind",
        "--tool=cachegrind",
        "--cache-sim=no",
        "--branch-sim=yes",
        "--cachegrind-out-file=/dev/null",
    ]
    program = [python_of(variant), str(Path(__file__)), variant, sampled, str(calls)]
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    output = subprocess.run(
        [*command, *program], env=environ, check=True, capture_output=True, text=True
    ).stderr
    found = {}
    for name, label in COUNTED.items():
        match = re.search(label + r":\s+([\d,]+)", output)
        assert match is not None, output
        found[name] = int(match[1].replace(",", ""))
    return found


def per_call(variant: str, sampled: str = "sampled") -> dict[str, float]:
    """What one call takes: the difference of many and few, so that starting up is not counted."""
    few, many = counts(variant, sampled, FEW), counts(variant, sampled, MANY)
    return {name: (many[name] - few[name]) / (MANY - FEW) for name in COUNTED}


def main() -> None:
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is needed for this, and is not installed")
    bare = per_call(BARE)
    rows = {
        "sdk span": per_call(FLOOR),
        "sdk span, unsampled": per_call(FLOOR, "unsampled"),
        OURS: per_call(OURS),
        f"{OURS}, unsampled": per_call(OURS, "unsampled"),
        PEER: per_call(PEER),
        f"{PEER}, unsampled": per_call(PEER, "unsampled"),
    }
    print(f"{'adds to a call, thousands':28}" + "".join(f"{name:>16}{f'to {PEER}':>18}" for name in COUNTED))
    for row, taken in rows.items():
        cells = ""
        for name in COUNTED:
            added, peers = taken[name] - bare[name], rows[PEER][name] - bare[name]
            cells += f"{added / 1000:16.1f}{added / peers:18.2f}"
        print(f"{row:28}{cells}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
    main()
