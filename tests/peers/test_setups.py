"""However another instrumentation is set up beside ours, the collector says what the API has billed.

Each row is a program of its own that makes the seed's calls and exports all that both record.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_openai import SimulatedOpenAI, serve

from tests.peers.test_counted_once import CLIENTS, need
from tests.support.setups import EXPORTER, LAUNCHER, NAMES, OURS, PROCESSOR, PROVIDER, hold

#: It makes a provider of its own, and exports where the environment says.
LOGFIRE = "import logfire; logfire.configure(send_to_logfire=False, console=False)"
#: What is instrumented, and how: of the official one, OpenLLMetry, OpenInference, Logfire.
THEIRS = {peer: theirs for peer, (_, theirs) in CLIENTS.items()}
THEIRS["logfire"] = f"import logfire; {THEIRS['logfire']}"


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


def provided(peer: str, *processors: str) -> tuple[str, ...]:
    """The steps to a provider that exports, with these processors before the exporter where it is ours."""
    if peer == "logfire":
        return (LOGFIRE, "provider = trace.get_tracer_provider()", *processors)
    return (PROVIDER, *processors, EXPORTER)


STABILITY = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
ORDERS = {
    "provider, theirs, ours": lambda peer: (*provided(peer), THEIRS[peer], OURS),
    "provider, ours, theirs": lambda peer: (*provided(peer), OURS, THEIRS[peer]),
    "theirs, ours, provider": lambda peer: (THEIRS[peer], OURS, *provided(peer)),
    "ours, theirs, provider": lambda peer: (OURS, THEIRS[peer], *provided(peer)),
    "processor, exporter, theirs, ours": lambda peer: (*provided(peer, PROCESSOR), THEIRS[peer], OURS),
    "exporter, processor, ours, theirs": lambda peer: (*provided(peer), PROCESSOR, OURS, THEIRS[peer]),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", CLIENTS)
def test_beside_another(api: SimulatedOpenAI, tmp_path: Path, peer: str, order: str) -> None:
    need(peer)
    hold(tmp_path, api, (NAMES, *ORDERS[order](peer)), **STABILITY)


def test_beside_logfire_that_samples_nothing(api: SimulatedOpenAI, tmp_path: Path) -> None:
    """All come as events, by its logger provider, and it hides the sessions' ids in these, too."""
    need("logfire")
    nothing = LOGFIRE.replace("console=False", "console=False, sampling=logfire.SamplingOptions(head=0.0)")
    hold(tmp_path, api, (NAMES, nothing, THEIRS["logfire"], OURS), OTEL_LOGS_EXPORTER="otlp", **STABILITY)


ALONE = {
    "processor before the exporter": lambda peer: (*provided(peer, PROCESSOR), THEIRS[peer]),
    "processor after the exporter": lambda peer: (*provided(peer), PROCESSOR, THEIRS[peer]),
    "processor last": lambda peer: (THEIRS[peer], *provided(peer), PROCESSOR),
}


#: Logfire alone makes two spans of a stream, as docs/reference.md says.
@pytest.mark.parametrize("order", ALONE)
@pytest.mark.parametrize("peer", [peer for peer in CLIENTS if peer != "logfire"])
def test_another_with_only_our_processor(api: SimulatedOpenAI, tmp_path: Path, peer: str, order: str) -> None:
    need(peer)
    hold(tmp_path, api, (NAMES, *ALONE[order](peer)), BLOCKS="yes", **STABILITY)


#: Logfire has a tracer provider beside the launcher's, as docs/reference.md says.
@pytest.mark.parametrize("with_file", [False, True], ids=["environment", "file"])
@pytest.mark.parametrize("peer", [peer for peer in CLIENTS if peer != "logfire"])
def test_with_the_launcher_ours_and_then_another(
    api: SimulatedOpenAI, tmp_path: Path, peer: str, with_file: bool
) -> None:
    need(peer)
    only_ours = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai,openai_agents,langchain"}
    hold(tmp_path, api, (THEIRS[peer],), launcher=LAUNCHER, with_file=with_file, **only_ours, **STABILITY)


@pytest.mark.parametrize("with_file", [False, True], ids=["environment", "file"])
def test_with_the_launcher_and_all_of_them(api: SimulatedOpenAI, tmp_path: Path, with_file: bool) -> None:
    need(*CLIENTS)
    hold(tmp_path, api, (), launcher=LAUNCHER, with_file=with_file, **STABILITY)
