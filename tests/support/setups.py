"""Ways to set the instrumentation up, step by step, each tried by a program that makes the seed's calls."""

from __future__ import annotations

import sys
from pathlib import Path

from simulated_openai import SimulatedOpenAI

from tests.support.billed import check, exporting, serving
from tests.support.processes import Process

SEED = Path(__file__).parents[1] / "end_to_end" / "programs" / "seed.py"
#: The calls that it makes, by session; all are turns.
CALLS = {"basic": 3, "chatbot": 3, "agent": 2, "task-1": 3, "task-2": 3}
#: `opentelemetry-instrument`, also where its script is not beside the interpreter.
LAUNCHER = (
    sys.executable,
    "-c",
    "from opentelemetry.instrumentation.auto_instrumentation import run; run()",
)

#: For the steps below; sets nothing up.
NAMES = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from infraprism import InfraPrismInstrumentor, SessionCostProcessor

provider = TracerProvider()
"""
PROVIDER = "trace.set_tracer_provider(provider)"
EXPORTER = "provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))"
PROCESSOR = "provider.add_span_processor(SessionCostProcessor())"
OURS = "InfraPrismInstrumentor().instrument()"
CLIENT = "import openai"

CONFIGURATION = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "%s/v1/traces"}}}
"""


def configured(folder: Path, collector: str) -> str:
    """A file for `OTEL_CONFIG_FILE`, whose spans go to the collector."""
    file = folder / "otel.yaml"
    file.write_text(CONFIGURATION % collector)
    return str(file)


def hold(
    folder: Path,
    api: SimulatedOpenAI,
    steps: tuple[str, ...],
    *,
    launcher: tuple[str, ...] = (),
    with_file: bool = False,
    **variables: str,
) -> str:
    """The seed's calls after these steps are stored as they are billed; gives what was printed."""
    program = "\n".join((*steps, "import runpy", f"runpy.run_path({str(SEED)!r}, run_name='__main__')"))
    with serving(folder) as collector:
        if with_file:
            variables["OTEL_CONFIG_FILE"] = configured(folder, collector)
        command = [*launcher, sys.executable, "-c", program]
        with Process(command, exporting(api, collector, **variables)) as process:
            assert process.wait(60) == 0, process.output
        assert "infraprism" not in process.output, process.output  # nothing was dropped
        check(api, collector, CALLS)
    return process.output
