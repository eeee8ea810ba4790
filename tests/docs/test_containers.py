"""The container file and the compose example say what the collector really takes. Read as texts only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from infraprism import cli
from infraprism.cli.configuration import OPTIONS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "compose"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VARIABLES = {option.variable: option for option in OPTIONS.values()}


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return content


def test_every_setting_is_one_of_the_collector() -> None:
    named = set(re.findall(r"INFRAPRISM_\w+", DOCKERFILE))
    named |= set(load("compose.yaml")["services"]["infraprism"]["environment"])
    assert len(named) > 4
    assert named <= set(VARIABLES)
    for name, value in re.findall(r"(INFRAPRISM_\w+)=([^ \\\n.]+)", DOCKERFILE):
        if name != "INFRAPRISM_API_KEY":
            VARIABLES[name].parse(value)


def test_the_image_runs_without_rights_and_without_secrets() -> None:
    lines = DOCKERFILE.splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001"]
    assert lines.index("USER 10001") < next(
        n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT")
    )
    assert not [line for line in lines if line.startswith(("ENV", "ARG", "   ")) and "API_KEY=" in line]
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.M)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name.removeprefix("./") for names in copied for name in names.split()} == allowed
    for name in allowed:
        assert (ROOT / name).exists()


def test_the_image_starts_what_there_is() -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.M)
    (command,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.M)
    assert json.loads(entry) == ["infraprism"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*json.loads(command), "--help"])
    assert ended.value.code == 0
    (port,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)
    assert f"INFRAPRISM_PORT={port} " in DOCKERFILE
    assert f"http://127.0.0.1:{port}/readyz" in DOCKERFILE


def test_the_services_find_each_other() -> None:
    services, collector = load("compose.yaml")["services"], load("otel-collector.yaml")
    assert set(services) == {"otel-collector", "infraprism", "clickhouse"}

    exporter = collector["exporters"]["otlphttp/infraprism"]
    target = urlsplit(exporter["endpoint"])
    inner = {
        name: {int(port.split(":")[2]) for port in service.get("ports", [])}
        for name, service in services.items()
    }
    assert target.hostname in services
    assert target.port in inner[target.hostname or ""]
    received = {
        int(p["endpoint"].split(":")[1]) for p in collector["receivers"]["otlp"]["protocols"].values()
    }
    assert received == inner["otel-collector"]
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])
    assert exporter["headers"] == {"Authorization": "Bearer ${env:INFRAPRISM_API_KEY}"}

    database = urlsplit(
        re.sub(r"\$\{\w+:\?\w*\}", "x", services["infraprism"]["environment"]["INFRAPRISM_DATABASE"])
    )
    kept = services["clickhouse"]["environment"]
    assert (database.scheme, database.hostname) == ("clickhouse", "clickhouse")
    assert (database.username, database.path) == (kept["CLICKHOUSE_USER"], f"/{kept['CLICKHOUSE_DB']}")
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services) - {name}
        published = [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")]
        assert published == []
    outer = [port.split(":")[1] for service in services.values() for port in service.get("ports", [])]
    assert len(outer) == len(set(outer))


def test_no_secret_is_written_down() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    for line in re.findall(r"^ +\w*(?:PASSWORD|KEY): (.*)$", text, re.M):
        assert re.fullmatch(r"\$\{\w+:\?.*\}", line)
