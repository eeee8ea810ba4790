"""Every way to set the instrumentation up, and that nothing is left of it when it is taken off again."""

from __future__ import annotations

import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from simulated_openai import SimulatedOpenAI

import infraprism
from infraprism import InfraPrismInstrumentor, InfraPrismOpenAI, SessionCostProcessor
from infraprism.openai import patch
from infraprism.openai.surfaces import HELPERS, SURFACES
from tests.openai.programs import ONE_CALL, OPENTELEMETRY_INSTRUMENT, run
from tests.support.calls import API_KEY, Recording, instrumented

MESSAGES: Any = [{"role": "user", "content": "Give me an example."}]


def ask(api: SimulatedOpenAI, kind: type[OpenAI] = OpenAI, **who: Any) -> None:
    with kind(base_url=api.base_url, api_key=API_KEY) as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **who)


def test_importing_and_instrumenting_load_neither_openai_nor_the_sdk() -> None:
    reported, printed = run(
        """
        def heavy():
            loaded = ("openai", "httpx2", "opentelemetry.sdk", "genai_prices", "duckdb", "starlette")
            return [name for name in loaded if name in sys.modules]

        import infraprism
        imported = heavy()
        infraprism.InfraPrismInstrumentor().instrument()
        with infraprism.session("s-1"):
            report(imported=imported, instrumented=heavy())
        """
    )
    assert reported == {"imported": [], "instrumented": []}
    assert printed == ""


def test_what_this_version_of_the_client_does_not_have_is_not_missed() -> None:
    reported, printed = run(
        """
        import importlib
        from infraprism import InfraPrismInstrumentor, guard
        from infraprism.openai import patch

        InfraPrismInstrumentor().instrument()
        for module, _, _ in patch._targets():
            try:
                importlib.import_module(module)
            except ModuleNotFoundError:
                pass  # of other versions
        report(dropped=guard.dropped(), wrapped=len(patch._layers) > 40)
        """
    )
    assert reported == {"dropped": {}, "wrapped": True}
    assert printed == ""


STEPS = {
    "import": "from openai import OpenAI",
    "provider": "trace.set_tracer_provider(provider)",
    "instrument": "InfraPrismInstrumentor().instrument()",
}


@pytest.mark.parametrize(
    "order",
    [
        ("import", "provider", "instrument"),
        ("import", "instrument", "provider"),
        ("provider", "instrument", "import"),
        ("instrument", "import", "provider"),
    ],
    ids=", ".join,
)
def test_it_can_be_set_up_in_any_order(api: SimulatedOpenAI, order: tuple[str, ...]) -> None:
    begin = """
        from opentelemetry import trace
        from infraprism import InfraPrismInstrumentor
        provider, exporter = exporting()
        """
    end = """
        ask(OpenAI, session_id="s-1")
        report(spans=summary(exporter), processors=len(provider._active_span_processor._span_processors))
        """
    steps = "".join(f"\n        {STEPS[step]}" for step in order)
    reported, printed = run(begin.rstrip(" ") + steps.lstrip("\n") + end, API=api.base_url)
    assert reported == {"spans": [ONE_CALL], "processors": 2}
    assert printed == ""


def test_a_provider_that_is_set_after_the_first_call_is_used_from_then_on(api: SimulatedOpenAI) -> None:
    reported, printed = run(
        """
        from opentelemetry import trace
        from openai import OpenAI
        from infraprism import InfraPrismInstrumentor
        InfraPrismInstrumentor().instrument()
        ask(OpenAI, session_id="s-1")  # nobody there to tell
        sdk_loaded = "opentelemetry.sdk" in sys.modules
        provider, exporter = exporting()
        trace.set_tracer_provider(provider)
        ask(OpenAI, session_id="s-1")
        report(spans=summary(exporter), sdk_loaded=sdk_loaded)
        """,
        API=api.base_url,
    )
    assert reported == {"spans": [ONE_CALL], "sdk_loaded": False}
    assert printed == ""


def test_a_session_attaches_to_the_provider_only_while_the_instrumentation_is_on() -> None:
    reported, _ = run(
        """
        import infraprism
        from opentelemetry import trace
        instrumentor = infraprism.InfraPrismInstrumentor()
        instrumentor.instrument()
        instrumentor.uninstrument()
        provider, exporter = exporting()
        trace.set_tracer_provider(provider)

        def tool():
            with infraprism.session("s-1"):
                trace.get_tracer("host").start_span("tool").end()

        tool()
        instrumentor.instrument()
        tool()
        report(sessions=[dict(span.attributes) for span in exporter.get_finished_spans()])
        """
    )
    session = {"session.id": "s-1", "gen_ai.conversation.id": "s-1"}
    assert reported == {"sessions": [{}, session]}


APP = """
    from openai import OpenAI
    ask(OpenAI, session_id="s-1", entity_type="customer", entity_id="acme-corp")
    report()
    """


def test_the_zero_code_command_needs_no_line_of_code(api: SimulatedOpenAI) -> None:
    _, printed = run(
        APP,
        launcher=(OPENTELEMETRY_INSTRUMENT,),
        API=api.base_url,
        OTEL_TRACES_EXPORTER="console",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_SERVICE_NAME="shop",
    )
    span = json.loads(printed)
    assert span["name"] == "chat gpt-4o-mini"
    assert span["resource"]["attributes"]["service.name"] == "shop"
    attributes = span["attributes"]
    assert attributes["infraprism.entity.id"] == "acme-corp"
    assert [attributes[f"infraprism.{name}"] for name in ("cost.amount", "session.cost")] == ONE_CALL[1:]


@pytest.mark.skipif(
    find_spec("opentelemetry.configuration") is None, reason="needs opentelemetry-configuration"
)
def test_the_zero_code_command_with_a_configuration_file(api: SimulatedOpenAI, tmp_path: Path) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text(
        """
        file_format: "1.0"
        tracer_provider:
          processors:
            - simple: {exporter: {console: {}}}
          sampler: {parent_based: {root: {always_on: {}}}}
        """
    )
    _, printed = run(APP, launcher=(OPENTELEMETRY_INSTRUMENT,), API=api.base_url, OTEL_CONFIG_FILE=str(file))
    # The SDK says first what it does not take from its launcher.
    attributes = json.loads(printed[printed.index("{\n") :])["attributes"]
    assert [attributes[f"infraprism.{name}"] for name in ("cost.amount", "session.cost")] == ONE_CALL[1:]


def test_the_zero_code_command_can_leave_it_off(api: SimulatedOpenAI) -> None:
    reported, printed = run(
        """
        from openai import OpenAI
        try:
            ask(OpenAI, session_id="s-1")
        except TypeError as error:
            report(error=str(error).rpartition(") ")[2] or str(error))
        """,
        launcher=(OPENTELEMETRY_INSTRUMENT,),
        API=api.base_url,
        OTEL_TRACES_EXPORTER="console",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="infraprism",
    )
    assert "unexpected keyword argument 'session_id'" in reported["error"]
    assert printed == ""


def test_a_session_from_the_environment_is_every_calls(api: SimulatedOpenAI) -> None:
    reported, _ = run(
        """
        from openai import OpenAI
        from infraprism import InfraPrismInstrumentor
        provider, exporter = exporting()
        InfraPrismInstrumentor().instrument(tracer_provider=provider)
        ask(OpenAI)
        report(spans=summary(exporter))
        """,
        API=api.base_url,
        INFRAPRISM_SESSION_ID="s-1",
    )
    assert reported == {"spans": [ONE_CALL]}


@pytest.mark.parametrize("when", ["before the exporter", "after the exporter", "not at all"])
def test_the_processor_can_be_added_by_hand_in_any_order(api: SimulatedOpenAI, when: str) -> None:
    exporter = InMemorySpanExporter()
    exporting = SimpleSpanProcessor(exporter)
    processors = {
        "before the exporter": [SessionCostProcessor(), exporting],
        "after the exporter": [exporting, SessionCostProcessor()],
        "not at all": [exporting],
    }[when]
    recording = Recording()
    provider = recording.tracer_provider = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    with instrumented(recording):
        with infraprism.session("s-1"), provider.get_tracer("host").start_as_current_span("tool"):
            ask(api)
        ask(api, session_id="s-1")
    added = provider._active_span_processor._span_processors
    assert sum(isinstance(processor, SessionCostProcessor) for processor in added) == 1
    first, tool, second = exporter.get_finished_spans()
    assert tool.attributes == {"session.id": "s-1", "gen_ai.conversation.id": "s-1"}
    assert [(span.attributes or {})["infraprism.session.cost"] for span in (first, second)] == [
        "0.0000246",
        "0.0000492",
    ]


def test_explicit_providers_are_used_and_the_global_ones_left_alone(api: SimulatedOpenAI) -> None:
    recording, other = Recording(), Recording()
    with instrumented(recording):
        ask(api)
        assert len(recording.spans) == 1
        assert "gen_ai.client.operation.duration" in recording.metrics()
    with instrumented(other):
        ask(api)
    assert len(recording.spans) == len(other.spans) == 1


def methods() -> list[Any]:
    """Every method that is instrumented, as its class holds it."""
    found = []
    for row in (*SURFACES, *HELPERS):
        try:
            module = importlib.import_module(row.module)
        except ModuleNotFoundError:
            continue  # of other versions of the client
        classes = [vars(getattr(module, prefix + row.resource)) for prefix in ("", "Async")]
        found += [methods[row.method] for methods in classes if row.method in methods]
    assert len(found) >= 12
    return found


def test_nothing_is_left_of_the_instrumentation(api: SimulatedOpenAI) -> None:
    own = methods()
    for _ in range(3):
        with instrumented() as recording:
            assert not any(one is other for one, other in zip(methods(), own, strict=True))
            ask(api, session_id="s-1")
        assert all(one is other for one, other in zip(methods(), own, strict=True))
        ask(api)
        assert len(recording.spans) == 1
        with pytest.raises(TypeError, match="session_id"):
            ask(api, session_id="s-1")


def test_instrumenting_twice_is_instrumenting_once(api: SimulatedOpenAI, recording: Recording) -> None:
    InfraPrismInstrumentor().instrument()
    patch.install()
    ask(api, session_id="s-1")
    assert recording.attributes["infraprism.session.turns"] == 1


def test_a_drop_in_client_and_the_instrumentation_of_all_make_one_span(
    api: SimulatedOpenAI, recording: Recording
) -> None:
    ask(api, InfraPrismOpenAI, session_id="s-1")
    assert recording.attributes["infraprism.session.turns"] == 1
    ask(api, OpenAI, session_id="s-1")
    assert len(recording.spans) == 2


def test_it_declares_what_it_instruments() -> None:
    assert InfraPrismInstrumentor().instrumentation_dependencies() == ("openai >= 1.66, < 4",)
