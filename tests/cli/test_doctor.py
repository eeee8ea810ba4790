"""`infraprism doctor`: each station of the path, as it is and as it is broken."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_serve import serve
from tests.support.otlp import make_call, make_request

APPLICATION = """\
ok      openai: openai {version} is installed
ok      instrumentation: it is active under opentelemetry-instrument
ok      sdk: the OpenTelemetry SDK records spans
"""
HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return monkeypatch


def statuses(text: str) -> dict[str, str]:
    return {line[8:].partition(":")[0]: line[:8].strip() for line in text.splitlines()}


def test_all_is_well(run: Run, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    import openai

    with serve(tmp_path, INFRAPRISM_API_KEY="ip-root") as served:
        url = f"http://127.0.0.1:{served.port}"
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        environment.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20ip-root")
        code, text, errors = run("doctor")
        assert (code, errors) == (1, "")
        assert text == APPLICATION.format(version=openai.__version__) + (
            f"ok      exporter: spans go to {url}/v1/traces\n"
            f"ok      endpoint: {url}/v1/traces answers\n"
            "ok      key: a span is accepted; it was of no call, so that nothing is stored of it\n"
            "ok      store: the collector can write to its database\n"
            "failed  last call: no call of a session has come yet: make one, and ask again\n"
        )
        body, status = make_request(make_call(1)).SerializeToString(), served.request
        headers = {"Content-Type": "application/x-protobuf", "Authorization": "Bearer ip-root"}
        assert status("POST", "/v1/traces", body, **headers)[0] == 200
        code, text, _ = run("doctor")
        assert (code, text.splitlines()[-1]) == (
            0,
            "ok      last call: the last call of a session ended at 2025-01-01T00:00:02.000000Z",
        )
        counted = json.loads(status("GET", "/v1/status", Authorization="Bearer ip-root")[1])
        assert (counted["calls_stored"], counted["spans_stored"]) == (1, 0)
        assert counted["spans_ignored"] == {"no_call_no_session": 2}


def test_a_wrong_key_and_one_that_may_only_send(
    run: Run, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    _, key, _ = run("keys", "create", "shop", "--scope", "ingest")
    with serve(tmp_path) as served:
        url = f"http://127.0.0.1:{served.port}"
        code, text, _ = run("doctor", "--url", url)
        assert (code, statuses(text)["key"], "store" in statuses(text)) == (1, "failed", False)
        assert "infraprism keys create" in text

        environment.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"Authorization=Bearer%20{key.strip()}")
        code, text, _ = run("doctor", "--url", url)
        assert (code, statuses(text)["key"], statuses(text)["last call"]) == (0, "ok", "skipped")
        assert key.strip() not in text


def test_nobody_is_there(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, text, _ = run("doctor", "--json", "--url", f"http://127.0.0.1:{port}")
    *_, last = json.loads(text)
    assert (code, last) == (
        1,
        {
            "name": "endpoint",
            "status": "failed",
            "detail": f"nothing answers at http://127.0.0.1:{port}/v1/traces: Connection refused;"
            " start `infraprism serve`",
        },
    )


@pytest.mark.parametrize(
    ("name", "value", "broken"),
    [
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "infraprism", "instrumentation"),
        ("OTEL_SDK_DISABLED", "true", "sdk"),
        ("OTEL_TRACES_EXPORTER", "none", "exporter"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "instrumentation"),
    ],
)
def test_what_is_wrong_with_the_application_is_named(
    run: Run, environment: pytest.MonkeyPatch, name: str, value: str, broken: str
) -> None:
    environment.setenv(name, value)

    code, text, _ = run("doctor", "--url", "http://127.0.0.1:9")

    assert (code, statuses(text)[broken]) == (1, "failed")
