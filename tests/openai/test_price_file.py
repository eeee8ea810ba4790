"""Calls priced by the user's own file, for whom they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from simulated_openai import SimulatedOpenAI

import infraprism
from infraprism import pricing
from tests.openai.programs import run
from tests.support.calls import SCOPE, SECONDS, Answers, Recording, Wire, settle
from tests.support.prices import book, priced_by
from tests.support.versions import needs

BATCH_LINE = """{{"id": "batch_req_1", "custom_id": "request-1", "error": null,
    "response": {{"status_code": 200, "request_id": "req_1", "body": {}}}}}"""
CHAT = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()),
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes"}}
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
)
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()),
    "model": "gpt-4o-mini-2024-07-18",
    "background": True,
    "output": [],
}
QUEUED = json.dumps({**RESPONSE, "status": "queued"})
COMPLETED = json.dumps(
    {**RESPONSE, "status": "completed", "usage": {"input_tokens": 1000, "output_tokens": 100}}
)
MESSAGES: Any = [{"role": "user", "content": "Is it?"}]
ACME: Any = {"entity_type": "customer", "entity_id": "acme"}
OWN = """
[[adjustments]]
entity_type = "customer"
entity_id = "acme"
percent = "-10"
"""


def ask() -> None:
    Wire(CHAT).client().chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **ACME)


def fetch() -> None:
    client = Answers(QUEUED, COMPLETED).client()
    client.responses.create(model="gpt-4o-mini", input="Is it?", background=True, **ACME)
    with infraprism.session("poller", entity_type="team"):
        client.responses.retrieve("resp_1")


def download() -> None:
    wire = Wire(BATCH_LINE.format(CHAT).replace("\n", ""), content_type="application/octet-stream")
    wire.client().files.content("file-out", **ACME)
    settle()


@pytest.mark.parametrize(
    ("call", "parts", "since"),
    [
        # 1,000 tokens at $0.15 and 100 at $0.60 a million, 10 % off; of a batch half of it.
        (ask, ("0.000135", "0.000054", "0.000189"), {}),
        pytest.param(
            fetch, ("0.000135", "0.000054", "0.000189"), {}, marks=needs("responses.create", "background")
        ),
        (
            download,
            ("0.0000675", "0.000027", "0.0000945"),
            {"infraprism.cost.effective_from": "2026-10-14T00:00:00Z"},
        ),
    ],
)
def test_every_call_has_the_discount_of_its_entity(
    recording: Recording, call: Callable[[], None], parts: tuple[str, str, str], since: dict[str, str]
) -> None:
    with priced_by(book(OWN)) as own:
        call()
    attributes = recording.spans[-1]["attributes"]
    cost = {name: value for name, value in attributes.items() if name.startswith("infraprism.cost.")}
    assert cost == {
        "infraprism.cost.status": "priced",
        "infraprism.cost.amount": parts[2],
        "infraprism.cost.currency": "USD",
        "infraprism.cost.source": "local",
        "infraprism.cost.price_version": f"{pricing.version()}, {own.version}",
        "infraprism.cost.input": parts[0],
        "infraprism.cost.output": parts[1],
        "infraprism.cost.quantities": "input=1000 output=100",
        "infraprism.cost.adjustment_percent": "-10",
        **since,
    }


def test_the_whole_span_of_a_call_at_a_price_of_ones_own(recording: Recording) -> None:
    text = '[[prices]]\nprovider = "openai"\nmodel = "gpt-4o-mini"\ninput = "0.1"\noutput = "0.5"'
    text += "\nfrom = 2026-01-01T08:30:00+02:00"
    with priced_by(text) as own:
        ask()
    span = recording.span
    assert isinstance(span.pop("trace_id"), int)
    assert span == {
        "name": "chat gpt-4o-mini",
        "kind": "CLIENT",
        "span_id": 1,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "server.address": "api.openai.com",
            "server.port": 443,
            "openai.api.type": "chat_completions",
            "infraprism.entity.type": "customer",
            "infraprism.entity.id": "acme",
            "http.response.header.x-request-id": ("req_1",),
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 100,
            "infraprism.cost.status": "priced",
            "infraprism.cost.amount": "0.00015",
            "gen_ai.usage.cost": 0.00015,
            "infraprism.cost.currency": "USD",
            "infraprism.cost.source": "local",
            "infraprism.cost.price_version": own.version,
            "infraprism.cost.effective_from": "2026-01-01T06:30:00Z",
            "infraprism.cost.input": "0.0001",
            "infraprism.cost.output": "0.00005",
            "infraprism.cost.quantities": "input=1000 output=100",
        },
        "events": [],
        "links": [],
    }
    [(_, (count, duration))] = recording.metrics()["gen_ai.client.operation.duration"]
    assert (count, duration) == (1, SECONDS)


PROGRAM = """
    from opentelemetry import trace
    from openai import OpenAI
    from infraprism import InfraPrismInstrumentor, InfraPrismOpenAI, pricing
    provider, exporter = exporting()
    trace.set_tracer_provider(provider)
    {setup}
    ask({kind}, session_id="s-1")
    report(
        spans=summary(exporter),
        versions=[span.attributes["infraprism.cost.price_version"] for span in exporter.get_finished_spans()],
    )
    """
#: What the simulated API's host charges here: a hundred dollars a million tokens of input.
FILE = '[[prices]]\nprovider = "127.0.0.1"\nmodel = "gpt-4o-mini"\ninput = 100\noutput = 0\n'
#: Of one call of the programs: 12 tokens of input.
BY_FILE = ["s-1", "0.0012", "0.0012"]
BY_LIST = ["s-1", "0.0000246", "0.0000246"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("setup", "kind"),
    [("InfraPrismInstrumentor().instrument()", "OpenAI"), ("pass", "InfraPrismOpenAI")],
)
def test_the_file_that_the_environment_names(api: SimulatedOpenAI, file: Path, setup: str, kind: str) -> None:
    program = PROGRAM.format(setup=setup, kind=kind)
    reported, printed = run(program, API=api.base_url, INFRAPRISM_PRICES=str(file))
    assert reported == {"spans": [BY_FILE], "versions": [pricing.load(file).version]}
    assert printed == ""


def test_what_the_application_uses_before_wins(api: SimulatedOpenAI, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(FILE.replace("100", "50"))
    setup = f"pricing.use(pricing.load({str(other)!r})); InfraPrismInstrumentor().instrument()"
    program = PROGRAM.format(setup=setup, kind="OpenAI")
    reported, printed = run(program, API=api.base_url, INFRAPRISM_PRICES=str(file))
    assert reported["spans"] == [["s-1", "0.0006", "0.0006"]]
    assert printed == ""


def test_a_file_that_cannot_be_used_is_one_warning_and_the_list_is_used(
    api: SimulatedOpenAI, file: Path
) -> None:
    file.write_text(FILE.replace("model", "modle").replace("100", '"sk-secret"'))
    setup = "InfraPrismInstrumentor().instrument(); InfraPrismInstrumentor().uninstrument()"
    setup += "; InfraPrismInstrumentor().instrument()"
    program = PROGRAM.format(setup=setup, kind="OpenAI")
    reported, printed = run(program, API=api.base_url, INFRAPRISM_PRICES=str(file))
    assert reported == {"spans": [BY_LIST], "versions": [pricing.version()]}
    assert printed == (
        f"infraprism: INFRAPRISM_PRICES: {file}: line 1: prices needs model (and 2 more); "
        "the price list alone is used\n"
    )


def test_a_file_that_is_not_there_is_one_too(api: SimulatedOpenAI, file: Path) -> None:
    file.unlink()
    program = PROGRAM.format(setup="InfraPrismInstrumentor().instrument()", kind="OpenAI")
    reported, printed = run(program, API=api.base_url, INFRAPRISM_PRICES=str(file))
    assert reported["spans"] == [BY_LIST]
    assert printed == (
        f"infraprism: INFRAPRISM_PRICES: {file}: cannot be read: No such file or directory; "
        "the price list alone is used\n"
    )
