"""Programs that set the instrumentation up from nothing, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.support.calls import API_KEY

#: What the programs can use; loads neither `openai` nor the SDK by itself.
PRELUDE = f"""
import json, os, sys

def exporting():
    "A tracer provider that exports to the list that comes with it."
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter

def ask(kind, **who):
    "One call of a client of this kind."
    client = kind(base_url=os.environ["API"], api_key={API_KEY!r}, max_retries=0)
    messages = [{{"role": "user", "content": "Give me an example."}}]
    return client.chat.completions.create(model="gpt-4o-mini", messages=messages, **who)

def report(**values):
    print("REPORT " + json.dumps(values), flush=True)

def summary(exporter):
    "Session, cost and running total of each exported span."
    names = ("session.id", "infraprism.cost.amount", "infraprism.session.cost")
    return [[span.attributes.get(name) for name in names] for span in exporter.get_finished_spans()]

"""
#: Of one call in a session.
ONE_CALL = ["s-1", "0.0000246", "0.0000246"]


def run(code: str, *, launcher: tuple[str, ...] = (), **environ: str) -> tuple[dict[str, Any], str]:
    """Run a program; gives what it reported and what else it printed. It must exit with 0."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "INFRAPRISM_"))
    }
    result = subprocess.run(
        [*launcher, sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
        env={**inherited, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stdout
    reports = [line for line in result.stdout.splitlines() if line.startswith("REPORT ")]
    assert len(reports) == 1, result.stdout
    rest = "".join(line for line in result.stdout.splitlines(True) if not line.startswith("REPORT "))
    report: dict[str, Any] = json.loads(reports[0].removeprefix("REPORT "))
    return report, rest


#: The script that the OpenTelemetry distribution installs beside the interpreter.
OPENTELEMETRY_INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
