"""What instrumentation adds to a call, to a chunk of a stream, and to start-up, beside its peers.

Each variant in processes and an environment of its own, taking turns in the same run: the bare client,
InfraPrism (cost and session totals on), its peers, and the floor: nothing but a span of the SDK with as many
attributes as InfraPrism's, started, made current, and ended. The transport is a mock in the client's own HTTP
layer; spans go through a batch processor to an exporter that drops them, metrics through a reader to one that
drops them. A number is the median of rounds of the median of batches, the bare client's taken off, so that a
pause of the garbage collector, which every variant has, is not counted as the typical call.

Times are CPU times, so that what else the machine does is not counted; time spent waiting, for a lock or a
socket, is not either. They are the calling thread's, but for start-up and for the row of all CPU time, which
has what is put off to a batch or a collection too.

    uv run python benchmarks/overhead.py [--quick] [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from environments import NotInstalledError, installed, python_of
from report import Results, report
from variants import OURS, PEERS, VARIANTS

MEASURE = str(Path(__file__).with_name("measure.py"))
START = """
import time; began = time.process_time()
{code}
import openai; openai.OpenAI(api_key="none").chat.completions
print((time.process_time() - began) * 1e6)
"""


@dataclass(frozen=True)
class Runner:
    """Runs one variant in its environment."""

    variant: str
    python: str

    def run(self, mode: str) -> dict[str, Any]:
        """What `measure.py` prints in this mode; messages are recorded only in the mode "content"."""
        result: dict[str, Any] = json.loads(
            self._output([MEASURE, mode.partition(" ")[0], self.variant], mode)
        )
        return result

    def start_up(self) -> float:
        """Microseconds of CPU until a process that imports openai has a client with its chat resource."""
        return float(self._output(["-c", START.format(code=VARIANTS[self.variant].code)], "start"))

    def _output(self, arguments: list[str], mode: str) -> str:
        variant = VARIANTS[self.variant]
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "INFRAPRISM_", "OPENAI_", "LANGFUSE_", "LOGFIRE_", "TRACELOOP_"))
        }
        environ |= variant.content if mode.endswith("content") else variant.no_content
        child = [self.python, *arguments]
        result = subprocess.run(child, env=environ, check=True, capture_output=True, text=True)
        return result.stdout.splitlines()[-1]


def prepare(results: Results) -> list[Runner]:
    """The variants that install and record; what is wrong with the others goes into `results`."""
    runners = []
    for variant in VARIANTS:
        _progress(f"preparing {variant}")
        try:
            runner = Runner(variant, python_of(variant))
        except NotInstalledError as error:
            if variant not in PEERS:
                raise
            results.left_out[variant] = f"does not install: {error}"
            continue
        if variant in (OURS, *PEERS):
            try:
                checked, open_checked = runner.run("check"), runner.run("check content")
            except subprocess.CalledProcessError as error:
                results.left_out[variant] = f"fails: {error.stderr.strip().splitlines()[-1]}"
                continue
            if not any(checked["spans"].values()):
                results.left_out[variant] = "records no span"
                continue
            results.checked[variant] = {**checked, "content": (checked["content"], open_checked["content"])}
            if variant in PEERS:
                results.versions[variant] = installed(variant, runner.python)
        runners.append(runner)
    return runners


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="three rounds: good to a tenth or so")
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    results = Results(rounds)
    runners = prepare(results)
    measured: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for runner in runners:
            _progress(f"round {number + 1} of {rounds}: {runner.variant}")
            found: dict[str, float] = {"start": runner.start_up()}
            for mode in ("all", "unsampled", "content"):
                found |= runner.run(mode)
            for kind, value in found.items():
                measured[runner.variant][kind].append(value)
    _progress("")
    results.medians = {
        variant: {kind: median(values) for kind, values in kinds.items()}
        for variant, kinds in measured.items()
    }
    print(report(results))


def _progress(text: str) -> None:
    print(f"\r{text:60}\r", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
