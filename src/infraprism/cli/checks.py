"""The checks of `infraprism doctor`, from the application to the collector. None adds to anybody's cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from infraprism import settings
from infraprism.cli import asking

#: OpenTelemetry's own variables, which say where spans go.
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"
_TRACES_HEADERS: Final = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_DEFAULT_ENDPOINT: Final = "http://localhost:4318"
#: The one that sends our own key by itself.
_OWN_EXPORTER: Final = "infraprism"
_SECONDS: Final = 10
#: What is most often in the way.
_HINT: Final = (
    "Is OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf set, and the instrumentation not among"
    " OTEL_PYTHON_DISABLED_INSTRUMENTATIONS?"
)
#: What an instrumented program sees of itself.
_CHILD: Final = """
import json, openai
from opentelemetry import trace
from infraprism.openai import InfraPrismInstrumentor
tracer = type(trace.get_tracer("infraprism.doctor")).__module__
print(json.dumps([InfraPrismInstrumentor().is_instrumented_by_opentelemetry, tracer]))
"""


@dataclass(frozen=True)
class Check:
    """What one check found: `status` is ok, failed or skipped; of a failure, `detail` says what to do."""

    name: str
    status: str
    detail: str


def of_the_application(environ: Mapping[str, str]) -> Iterator[Check]:
    """Is the instrumentation installed, is it active, do spans go anywhere?"""
    try:
        yield Check("openai", "ok", f"openai {metadata.version('openai')} is installed")
    except metadata.PackageNotFoundError:
        yield Check("openai", "failed", "openai is not installed here: pip install 'infraprism[openai]'")
        return
    program = shutil.which("opentelemetry-instrument", path=str(Path(sys.executable).parent))
    program = program or shutil.which("opentelemetry-instrument")
    if program is None:
        how = "pip install 'infraprism[sdk]', or use InfraPrismOpenAI in its place"
        yield Check("instrumentation", "failed", f"opentelemetry-instrument is not installed: {how}")
        return
    quiet = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    try:
        child = subprocess.run(  # noqa: S603 - our own program
            [program, sys.executable, "-c", _CHILD],
            env={**environ, **quiet},
            capture_output=True,
            text=True,
            timeout=60,
        )
        is_active, tracer = json.loads(child.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        yield Check(
            "instrumentation",
            "failed",
            "a program under opentelemetry-instrument did not come up: try"
            " `opentelemetry-instrument python -c 'import openai'`",
        )
        return
    if is_active:
        yield Check("instrumentation", "ok", "it is active under opentelemetry-instrument")
    else:
        said = (child.stderr.splitlines() or ["it says nothing"])[-1]
        yield Check("instrumentation", "failed", f"it does not become active: {said}. {_HINT}")
    if tracer.startswith("opentelemetry.sdk"):
        yield Check("sdk", "ok", "the OpenTelemetry SDK records spans")
    else:
        how = "pip install 'infraprism[sdk]', and see that OTEL_SDK_DISABLED is not set"
        yield Check("sdk", "failed", f"nothing records spans: {how}")
    exporter = environ.get(_EXPORTER, "").strip() or "otlp"
    if "otlp" in exporter or _OWN_EXPORTER in exporter:
        yield Check("exporter", "ok", f"spans go to {endpoint(environ)}")
    else:
        yield Check("exporter", "failed", f"{_EXPORTER} is {exporter!r}: set it to otlp")


def endpoint(environ: Mapping[str, str]) -> str:
    """Where the application's exporter sends spans, over HTTP."""
    if exact := environ.get(_TRACES_ENDPOINT, "").strip():
        return exact
    return (environ.get(_ENDPOINT, "").strip() or _DEFAULT_ENDPOINT).rstrip("/") + "/v1/traces"


def of_the_collector(traces_url: str, environ: Mapping[str, str]) -> Iterator[Check]:
    """Is it there, does it take the key, can it store, what came last?"""
    headers = _sent_headers(environ)
    status, answer = _ask(traces_url, headers, _span())
    if status is None:
        yield Check(
            "endpoint", "failed", f"nothing answers at {traces_url}: {answer}; start `infraprism serve`"
        )
        return
    yield Check("endpoint", "ok", f"{traces_url} answers")
    if status in (401, 403):
        how = "make one with `infraprism keys create NAME --scope ingest`"
        where = f"{_HEADERS}=Authorization=Bearer%20<key>"
        yield Check("key", "failed", f"the exporter's key is not accepted ({status}): {how}, set {where}")
        return
    if status != 200:
        yield Check("key", "failed", f"it answers {status} to a span: is it a receiver of OTLP over HTTP?")
        return
    yield Check("key", "ok", "a span is accepted; it was of no call, so that nothing is stored of it")
    url = traces_url.removesuffix("/v1/traces")
    status, answer = _ask(f"{url}/readyz", headers)
    if status == 404 or status is None or not isinstance(answer, dict):
        yield Check("store", "skipped", "this is no InfraPrism collector: look for your calls there")
        return
    if status != 200:
        yield Check("store", "failed", f"the collector cannot store ({answer.get('status')}): see its log")
        return
    yield Check("store", "ok", "the collector can write to its database")
    yield _last_call(url, _own(environ) or headers)


def _last_call(url: str, headers: Mapping[str, str]) -> Check:
    status, answer = _ask(f"{url}/v1/analytics/sessions?limit=1", headers)
    if status == 403:
        return Check("last call", "skipped", "this key may not read; ask with one that has the scope read")
    if status != 200 or not isinstance(answer, dict):
        return Check("last call", "failed", f"the collector answers {status}: see its log")
    if not answer["data"]:
        return Check("last call", "failed", "no call of a session has come yet: make one, and ask again")
    return Check(
        "last call", "ok", f"the last call of a session ended at {answer['data'][0]['last_activity_at']}"
    )


def _sent_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """What the application's exporter sends beside the spans."""
    written = environ.get(_TRACES_HEADERS) or environ.get(_HEADERS) or ""
    pairs = (pair.partition("=") for pair in written.split(",") if "=" in pair)
    headers = {name.strip(): unquote(value.strip()) for name, _, value in pairs}
    return headers if headers or _OWN_EXPORTER not in environ.get(_EXPORTER, "") else _own(environ)


def _own(environ: Mapping[str, str]) -> dict[str, str]:
    key = settings.load(environ).api_key
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def _span() -> bytes:
    """A span that is of no call and no session: accepted, counted, not kept."""
    now = str(time.time_ns())
    span = {
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "name": "infraprism doctor",
        "kind": 1,
        "startTimeUnixNano": now,
        "endTimeUnixNano": now,
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def _ask(url: str, headers: Mapping[str, str], body: bytes | None = None) -> tuple[int | None, Any]:
    """Status and JSON of the answer; None and the reason where there is none."""
    try:
        if not url.startswith(("http://", "https://")):
            return None, "the address must begin with http:// or https://"
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, {**headers, **kind})  # noqa: S310
        with asking.opener().open(request, timeout=_SECONDS) as response:
            return response.status, _json(response.read())
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read())
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return None, getattr(reason, "strerror", None) or type(error).__name__


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
