"""What the application's sampler sees of a session's calls, and what it keeps of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from openai import OpenAI
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceFlags, TraceState

from infraprism import session
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import Recording, Wire, instrumented

SESSIONS = 400
TENTH = TraceIdRatioBased(0.1)


def chat(client: OpenAI, **who: Any) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}], **who)


@pytest.mark.parametrize("sampler", [TENTH, ParentBased(TENTH)], ids=["ratio", "parent-based"])
@pytest.mark.parametrize("mode", ["join", "nest"])
def test_a_session_is_kept_whole_or_not_at_all(sampler: Sampler, mode: Any) -> None:
    recording = Recording(sampler=sampler)
    with instrumented(recording):
        client = Wire('{"choices": []}').client()
        for _ in range(3):
            for number in range(SESSIONS):
                with session(f"s-{number}", mode=mode):
                    chat(client)
    kept = Counter(span["attributes"]["session.id"] for span in recording.spans)
    expected = {
        name: 3 if mode == "join" else 6
        for name in (f"s-{number}" for number in range(SESSIONS))
        if (trace_id_of(Identity(name)) or 0) & (2**64 - 1) < TENTH.bound
    }
    assert dict(kept) == expected
    assert 20 <= len(kept) <= 70


def test_a_call_in_a_span_goes_with_it() -> None:
    """Parent-based sampling: the host's span decides, not the session."""
    recording = Recording(sampler=ParentBased(TENTH), id_generator=None)
    tracer = recording.tracer_provider.get_tracer("host")
    with instrumented(recording):
        client = Wire('{"choices": []}').client()
        for number in range(SESSIONS):
            with tracer.start_as_current_span("request"):
                chat(client, session_id=f"s-{number % 2}")
                chat(client, session_id=f"s-{number % 2}")
    kept = Counter((span["trace_id"], span["name"]) for span in recording.spans)
    requests = [trace_id for trace_id, name in kept if name == "request"]
    assert 0 < len(requests) < SESSIONS
    assert kept == {(trace_id, "request"): 1 for trace_id in requests} | {
        (trace_id, "chat gpt-4o-mini"): 2 for trace_id in requests
    }


class Watching(Sampler):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, dict[str, Any], int]] = []

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        self.asked.append((name, trace_id, dict(attributes or {}), len(links or ())))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        return "Watching"


def test_the_sampler_sees_whose_call_it_is() -> None:
    sampler = Watching()
    recording = Recording(sampler=sampler)
    whose = {
        "session.id": "s-1",
        "gen_ai.conversation.id": "s-1",
        "infraprism.entity.type": "user",
        "infraprism.entity.id": "7",
        "user.id": "7",
        "infraprism.tag.feature": "chat",
    }
    trace_id = trace_id_of(Identity("s-1", "user", "7"))
    with instrumented(recording):
        client = Wire('{"choices": []}').client()
        for mode in ("join", "nest", "link", "link"):
            with session("s-1", entity_type="user", entity_id=7, tags={"feature": "chat"}, mode=mode):
                chat(client)
    names = ["chat gpt-4o-mini", "session user", "chat gpt-4o-mini", "chat gpt-4o-mini", "chat gpt-4o-mini"]
    assert [(name, trace, links) for name, trace, _, links in sampler.asked] == [
        *zip(names, [trace_id, trace_id, trace_id, 1, 2], [0, 0, 0, 0, 1], strict=True)
    ]
    for _, _, attributes, _ in sampler.asked:
        assert attributes | whose == attributes


@pytest.mark.skipif(not hasattr(TraceFlags, "RANDOM_TRACE_ID"), reason="this SDK has no such flag")
def test_only_random_trace_ids_claim_to_be_random() -> None:
    recording = Recording(id_generator=None)
    with instrumented(recording):
        client = Wire('{"choices": []}').client()
        for mode in ("join", "nest", "link"):
            with session("s-1", mode=mode):
                chat(client)
        chat(client)
    contexts = [span.context for span in recording.exporter.get_finished_spans()]
    flags = [bool(context.trace_flags & TraceFlags.RANDOM_TRACE_ID) for context in contexts if context]
    assert flags == [False, False, False, True, True]
