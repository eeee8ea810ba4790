"""What is measured side by side, and how each is switched on."""

from __future__ import annotations

from dataclasses import dataclass, field

BARE, OURS, FLOOR = "bare", "infraprism", "sdk span"


@dataclass(frozen=True)
class Variant:
    """One instrumentation, or none."""

    #: What to install; None: it runs in InfraPrism's environment.
    package: str | None
    #: Switches it on.
    code: str
    #: Environment in which it records the messages, and in which it does not.
    content: dict[str, str] = field(default_factory=dict)
    no_content: dict[str, str] = field(default_factory=dict)


_SWITCH = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_EXPERIMENTAL = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}


def _contrib(module: str) -> str:
    return f"from {module} import OpenAIInstrumentor; OpenAIInstrumentor().instrument()"


VARIANTS = {
    BARE: Variant(None, ""),
    OURS: Variant(
        None,
        "from infraprism import InfraPrismInstrumentor; InfraPrismInstrumentor().instrument()",
        {_SWITCH: "SPAN_ONLY"},
    ),
    FLOOR: Variant(None, "import opentelemetry.sdk.trace"),
    "genai-openai": Variant(
        "opentelemetry-instrumentation-genai-openai",
        _contrib("opentelemetry.instrumentation.genai.openai"),
        {_SWITCH: "SPAN_ONLY", **_EXPERIMENTAL},
    ),
    "openinference": Variant(
        "openinference-instrumentation-openai",
        _contrib("openinference.instrumentation.openai"),
        no_content={"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"},
    ),
    "openllmetry": Variant(
        "opentelemetry-instrumentation-openai",
        _contrib("opentelemetry.instrumentation.openai"),
        {"TRACELOOP_TRACE_CONTENT": "true"},
        {"TRACELOOP_TRACE_CONTENT": "false"},
    ),
    "langfuse": Variant("langfuse", "import langfuse.openai"),
    "logfire": Variant(
        "logfire",
        "import logfire; logfire.configure(send_to_logfire=False, console=False);logfire.instrument_openai()",
    ),
    "elastic": Variant(
        "elastic-opentelemetry-instrumentation-openai",
        _contrib("opentelemetry.instrumentation.openai"),
        {_SWITCH: "true"},
    ),
    "openai-v2": Variant(
        "opentelemetry-instrumentation-openai-v2",
        _contrib("opentelemetry.instrumentation.openai_v2"),
        {_SWITCH: "SPAN_ONLY", **_EXPERIMENTAL},
    ),
}
PEERS = [name for name in VARIANTS if name not in (BARE, OURS, FLOOR)]
