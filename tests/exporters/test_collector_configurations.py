"""The configurations for the OpenTelemetry Collector say what their explanations promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infraprism import semconv

FOLDER = Path(__file__).parents[2] / "exporters" / "collector"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def configuration(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(request.param.read_text())
    return found


def test_what_is_used_is_defined_and_what_is_defined_is_used(configuration: dict[str, Any]) -> None:
    pipelines = configuration["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines for name in pipeline.get(kind, [])}
        assert used == set(configuration.get(kind, {}))
    assert set(configuration["service"]["extensions"]) == set(configuration["extensions"])


def test_every_queue_is_on_disk_and_no_retry_ends(configuration: dict[str, Any]) -> None:
    for exporter in configuration["exporters"].values():
        assert exporter["sending_queue"]["storage"] in configuration["service"]["extensions"]
        assert exporter["retry_on_failure"]["max_elapsed_time"] == 0


def test_nothing_is_in_memory_or_sampled_on_the_way_to_infraprism(configuration: dict[str, Any]) -> None:
    signals = set()
    for name, pipeline in configuration["service"]["pipelines"].items():
        if "otlphttp/infraprism" in pipeline["exporters"]:
            signals.add(name.partition("/")[0])
            assert "processors" not in pipeline
    assert signals == {"traces", "logs"}


def test_what_is_sampled_keeps_costs() -> None:
    sampling = yaml.safe_load((FOLDER / "tail-sampling.yaml").read_text())["processors"]["tail_sampling"]
    [costs] = [policy for policy in sampling["policies"] if policy["name"] == "costs"]
    assert costs["ottl_condition"]["span"] == [f'attributes["{semconv.COST_STATUS}"] != nil']


def test_each_is_explained() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [f"]({path.name})" in text for path in FILES] == [True, True]
