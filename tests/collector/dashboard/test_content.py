"""What was said in a call, from its attributes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infraprism.collector.dashboard.content import Said, conversation


def test_all_that_was_told_and_replied() -> None:
    attributes = {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.input.messages": json.dumps(
            [
                {"role": "user", "parts": [{"type": "text", "content": "Hi"}, {"type": "blob"}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "arguments": {"ä": 1}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "response": "18"}]},
            ]
        ),
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "reasoning", "content": "so"}]}],
        "other": "x",
    }
    assert conversation(attributes) == [
        Said("system", "text", "Be brief."),
        Said("user", "text", "Hi"),
        Said("user", "blob", ""),
        Said("assistant", "calls f", '{\n "ä": 1\n}'),
        Said("tool", "result of a tool", "18"),
        Said("assistant", "reasoning", "so"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("", []),
        ("not JSON", [Said("unknown", "text", "not JSON")]),
        ("{}", []),
        ([{"role": "user", "content": "plain"}], [Said("user", "text", "plain")]),
        ([{"parts": [1]}], [Said("unknown", "text", "1")]),
        ([7], []),
    ],
)
def test_what_others_write_is_shown_as_far_as_it_can_be(value: Any, expected: list[Said]) -> None:
    assert conversation({"gen_ai.input.messages": value}) == expected


def test_without_content_there_is_none() -> None:
    assert conversation({"service.version": "1"}) == []
