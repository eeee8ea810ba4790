"""What each backend reads beside OpenTelemetry's names, whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infraprism import compat, semconv
from infraprism.tracing import Ledger, SessionCostProcessor, processor
from tests.support.spans import recording

#: A priced call of a user's session.
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 40,
    "gen_ai.usage.cache_read.input_tokens": 20,
    "gen_ai.usage.cache_creation.input_tokens": 10,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "gen_ai.usage.cost": 0.5,
    "session.id": "conv-1",
    "gen_ai.conversation.id": "conv-1",
    "infraprism.entity.type": "user",
    "infraprism.entity.id": "7",
    "user.id": "7",
    "infraprism.tag.feature": "chat",
    "infraprism.tag.places": "a,b",
    "infraprism.cost.status": "priced",
    "infraprism.cost.amount": "0.5",
    "infraprism.cost.input": "0.125",
    "infraprism.cost.cache_read": "0.25",
    "infraprism.cost.output": "0.125",
}
#: Another span of the session.
TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "session.id": "conv-1",
    "gen_ai.conversation.id": "conv-1",
    "infraprism.entity.type": "customer",
    "infraprism.entity.id": "acme",
    "infraprism.tag.feature": "chat",
}
LABELS = ("feature=chat", "places=a,b")
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.provider": "openai",
    "llm.token_count.prompt": 100,
    "llm.token_count.completion": 40,
    "llm.token_count.total": 140,
    "llm.token_count.prompt_details.cache_read": 20,
    "llm.token_count.prompt_details.cache_write": 10,
    "llm.token_count.completion_details.reasoning": 5,
    "tag.tags": LABELS,
}
#: Backend -> what it has of the call, the first span of its trace, and of the other span.
GOLDEN = {
    "braintrust": (
        {
            "braintrust.metadata": '{"session.id":"conv-1","entity.type":"user","entity.id":"7"}',
            "braintrust.metrics": '{"estimated_cost":0.5}',
            "braintrust.tags": LABELS,
        },
        {
            "braintrust.metadata": '{"session.id":"conv-1","entity.type":"customer","entity.id":"acme"}',
            "braintrust.tags": ("feature=chat",),
        },
    ),
    "datadog": (
        {"gen_ai.tag.feature": "chat", "gen_ai.tag.places": "a,b", "gen_ai.user.id": "7"},
        {"gen_ai.tag.feature": "chat"},
    ),
    "grafana": ({}, {}),
    "honeycomb": ({}, {}),
    "laminar": (
        {
            "lmnr.association.properties.session_id": "conv-1",
            "lmnr.association.properties.user_id": "7",
            "lmnr.association.properties.tags": LABELS,
            "gen_ai.usage.input_cost": 0.375,
            "gen_ai.usage.output_cost": 0.125,
        },
        {
            "lmnr.association.properties.session_id": "conv-1",
            "lmnr.association.properties.tags": ("feature=chat",),
        },
    ),
    "langfuse": (
        {
            "langfuse.observation.usage_details": (
                '{"input":70,"input_cached_tokens":20,"cache_creation_input_tokens":10,'
                '"output":35,"output_reasoning_tokens":5,"total":140}'
            ),
            "langfuse.observation.cost_details": '{"input":0.375,"output":0.125,"total":0.5}',
            "langfuse.trace.tags": LABELS,
        },
        {"langfuse.trace.tags": ("feature=chat",)},
    ),
    "langsmith": (
        {
            "langsmith.metadata.thread_id": "conv-1",
            "langsmith.metadata.user_id": "7",
            "langsmith.span.tags": "feature=chat",
        },
        {"langsmith.metadata.thread_id": "conv-1", "langsmith.span.tags": "feature=chat"},
    ),
    "logfire": (
        {"operation.cost": 0.5, "logfire.tags": LABELS},
        {"logfire.tags": ("feature=chat",)},
    ),
    "mlflow": (
        {
            "mlflow.llm.cost": '{"input_cost":0.375,"output_cost":0.125,"total_cost":0.5}',
            "mlflow.traceTag.feature": "chat",
            "mlflow.traceTag.places": "a,b",
        },
        {},
    ),
    "openinference": (OPENINFERENCE, {"tag.tags": ("feature=chat",)}),
    "openlit": ({"gen_ai.user.name": "7", "gen_ai.usage.total_tokens": 140}, {}),
    "opik": ({"opik.tags": LABELS}, {"opik.tags": ("feature=chat",)}),
    "phoenix": (OPENINFERENCE, {"tag.tags": ("feature=chat",)}),
    "traceloop": (
        {
            "traceloop.association.properties.session_id": "conv-1",
            "traceloop.association.properties.user_id": "7",
            "traceloop.association.properties.feature": "chat",
            "traceloop.association.properties.places": "a,b",
        },
        {
            "traceloop.association.properties.session_id": "conv-1",
            "traceloop.association.properties.customer_id": "acme",
            "traceloop.association.properties.feature": "chat",
        },
    ),
}


@pytest.mark.parametrize("backend", compat.PROFILES)
def test_what_a_backend_reads(backend):
    call, other = GOLDEN[backend]
    assert compat.extras([backend], CALL, is_root=True) == call
    assert compat.extras([backend], TOOL, is_root=False) == other


@pytest.mark.parametrize("backend", compat.PROFILES)
def test_of_nothing_known_comes_nothing(backend):
    assert compat.extras([backend], {"http.request.method": "GET"}, is_root=True) == {}


def test_several_at_once_and_nothing_that_is_there_already():
    found = compat.extras(["opik", "logfire"], {**CALL, "operation.cost": 0.1}, is_root=True)
    assert found == {"opik.tags": LABELS, "logfire.tags": LABELS}


def test_what_another_span_counts_has_no_usage_here():
    counted = {name: value for name, value in CALL.items() if not name.startswith("infraprism.cost.")} | {
        "infraprism.cost.counted_in": "0123456789abcdef"
    }
    found = compat.extras(["phoenix", "langfuse", "logfire", "openlit"], counted, is_root=True)
    assert found == {
        "tag.tags": LABELS,
        "langfuse.trace.tags": LABELS,
        "logfire.tags": LABELS,
        "gen_ai.user.name": "7",
    }


def test_a_tag_does_not_pass_for_a_session_or_a_fact():
    tags = {"infraprism.tag.session_id": "of a tag", "infraprism.tag.usage.cost": "1", "session.id": "conv-1"}
    assert compat.extras(["traceloop"], tags, is_root=True) == {
        "traceloop.association.properties.session_id": "conv-1",
        "traceloop.association.properties.usage.cost": "1",
    }
    assert compat.extras(["datadog"], tags, is_root=True) == {
        "gen_ai.tag.session_id": "of a tag",
        "gen_ai.tag.usage.cost": "1",
    }


def test_an_embedding_is_no_reply():
    call = {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 3}
    assert compat.extras(["phoenix"], call, is_root=True) == {
        "openinference.span.kind": "EMBEDDING",
        "llm.token_count.prompt": 3,
        "llm.token_count.total": 3,
    }


#: What is read of each, where the notes of the project are at hand.
KNOWN = Path("/work/shared/reference/backend-attribute-keys.json")


@pytest.mark.skipif(not KNOWN.exists(), reason="the notes about backends are not here")
def test_every_backend_that_is_known_has_a_profile_of_what_it_reads():
    known = {name: keys for name, keys in json.loads(KNOWN.read_text()).items() if name[0] != "_"}
    assert set(known) == set(compat.PROFILES) - {"openinference"}
    # Datadog's own words for a user and its tags are unknown names below `gen_ai.`.
    for backend in set(known) - {"datadog"}:
        text = json.dumps(known[backend])
        for name, _ in compat.PROFILES[backend]:
            assert name.removesuffix(".") in text, (backend, name)


def exported(monkeypatch, *profiles):
    monkeypatch.setattr(processor, "_profiles", lambda: profiles)
    provider, spans = recording(SessionCostProcessor(Ledger()))
    provider.get_tracer(semconv.SCOPE).start_span("call", attributes=CALL).end()
    [span] = spans.spans
    return span["attributes"]


def test_spans_carry_them_and_nothing_where_none_is_asked_for(monkeypatch):
    assert exported(monkeypatch) == CALL
    assert exported(monkeypatch, "phoenix", "opik") == {**CALL, **OPENINFERENCE, "opik.tags": LABELS}


def test_an_unknown_name_is_one_warning(monkeypatch, caplog):
    monkeypatch.setenv("INFRAPRISM_COMPAT", "Langfuse, lanfuse,,opik")
    from infraprism import settings

    settings.current.cache_clear()
    processor._profiles.cache_clear()
    try:
        assert processor._profiles() == processor._profiles() == ("langfuse", "opik")
    finally:
        monkeypatch.undo()
        settings.current.cache_clear()
        processor._profiles.cache_clear()
    [message] = caplog.messages
    assert message.startswith("infraprism: INFRAPRISM_COMPAT: 'lanfuse' is none of braintrust, ")
