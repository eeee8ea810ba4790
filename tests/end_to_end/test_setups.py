"""However the instrumentation is set up, the collector says what the API has billed.

Each row is a program of its own that makes the seed's calls; those beside other instrumentations are in
`tests/peers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_openai import SimulatedOpenAI, serve

from tests.support.setups import CLIENT, EXPORTER, LAUNCHER, NAMES, OURS, PROCESSOR, PROVIDER, hold


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


SIMPLE = EXPORTER.replace("Batch", "Simple")
DISTRO = """
from opentelemetry.distro import OpenTelemetryConfigurator, OpenTelemetryDistro
OpenTelemetryDistro().configure()
OpenTelemetryConfigurator().configure()
"""
ALL = "from opentelemetry.instrumentation import auto_instrumentation; auto_instrumentation.initialize()"

BY_HAND = {
    "provider before": (PROVIDER, EXPORTER, OURS),
    "provider after": (OURS, PROVIDER, EXPORTER),
    "provider after, client first": (CLIENT, OURS, PROVIDER, EXPORTER),
    "provider before, client first": (CLIENT, PROVIDER, EXPORTER, OURS),
    "exporter that is simple": (PROVIDER, SIMPLE, OURS),
    "provider that is not the global one": (
        EXPORTER,
        "InfraPrismInstrumentor().instrument(tracer_provider=provider)",
    ),
    "processor before the exporter": (PROVIDER, PROCESSOR, EXPORTER, OURS),
    "processor after the exporter": (PROVIDER, EXPORTER, PROCESSOR, OURS),
    "processor after a simple exporter": (PROVIDER, SIMPLE, PROCESSOR, OURS),
    "processor twice": (PROVIDER, PROCESSOR, EXPORTER, PROCESSOR, OURS),
    "instrumented twice": (OURS, PROVIDER, EXPORTER, OURS),
    "taken off and put on again": (
        PROVIDER,
        EXPORTER,
        OURS,
        "InfraPrismInstrumentor().uninstrument()",
        OURS,
    ),
    "distro in the program": (DISTRO, OURS),
    "distro in the program, after": (CLIENT, OURS, DISTRO),
    "all that is installed, from the program": (ALL,),
    "all that is installed, from the program, client first": (CLIENT, ALL),
}


@pytest.mark.parametrize("row", BY_HAND)
def test_in_the_program(api: SimulatedOpenAI, tmp_path: Path, row: str) -> None:
    hold(tmp_path, api, (NAMES, *BY_HAND[row]))


LAUNCHED = {
    "alone": {},
    "exporter of ours": {"OTEL_TRACES_EXPORTER": "infraprism"},
    "sessions that nest": {"INFRAPRISM_SESSION_MODE": "nest", "BLOCKS": "yes"},
    "sessions that link": {"INFRAPRISM_SESSION_MODE": "link"},
}


@pytest.mark.parametrize("row", LAUNCHED)
def test_with_the_launcher(api: SimulatedOpenAI, tmp_path: Path, row: str) -> None:
    hold(tmp_path, api, (), launcher=LAUNCHER, **LAUNCHED[row])


@pytest.mark.parametrize("launcher", [LAUNCHER, ()], ids=["launcher", "program"])
def test_with_a_configuration_file(api: SimulatedOpenAI, tmp_path: Path, launcher: tuple[str, ...]) -> None:
    pytest.importorskip("opentelemetry.configuration")
    steps = () if launcher else (ALL,)
    hold(tmp_path, api, steps, launcher=launcher, with_file=True)


def test_with_the_launcher_in_a_program_that_sets_up_itself(api: SimulatedOpenAI, tmp_path: Path) -> None:
    """Its provider is not taken, and its instrumentation is there already."""
    printed = hold(tmp_path, api, (NAMES, PROVIDER, EXPORTER, OURS), launcher=LAUNCHER)
    assert "Overriding of current TracerProvider is not allowed" in printed
