"""Attributes put on spans past the API, and through it where that is not possible."""

from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor

from infraprism.tracing.bag import read, write, write_late
from tests.support.spans import recording
from tests.support.versions import ENDING_IS_TOLD

COST = {"infraprism.session.cost": "0.0075", "infraprism.session.turns": 1}


def write_and_export(**limits):
    """The exported attributes of a span that began with a=1 and b=2."""
    provider, exported = recording(span_limits=SpanLimits(**limits))
    span = provider.get_tracer("test").start_span("span", attributes={"a": "1", "b": "2"})
    write(span, COST)
    span.end()
    return exported.attributes()["span"]


class Late(SpanProcessor):
    """Writes at the moment when the SDK has frozen the attributes already."""

    def _on_ending(self, span):
        write_late(span, COST)

    if not ENDING_IS_TOLD:
        on_end = _on_ending


def write_late_and_export(**limits):
    provider, exported = recording(Late(), span_limits=SpanLimits(**limits))
    provider.get_tracer("test").start_span("span", attributes={"a": "1", "b": "2"}).end()
    return exported.attributes()["span"]


@pytest.mark.parametrize("written", [write_and_export, write_late_and_export])
@pytest.mark.parametrize(
    ("limits", "attributes"),
    [
        ({}, {"a": "1", "b": "2", **COST}),
        ({"max_span_attributes": 4}, {"a": "1", "b": "2", **COST}),
        ({"max_span_attributes": 3}, {"b": "2", **COST}),
        ({"max_span_attributes": 0}, {}),
        (
            {"max_attribute_length": 3},
            {"a": "1", "b": "2", "infraprism.session.cost": "0.0", "infraprism.session.turns": 1},
        ),
    ],
    ids=str,
)
def test_the_applications_limits_apply(written, limits, attributes):
    assert written(**limits) == attributes


def test_a_value_is_replaced():
    provider, exported = recording()
    span = provider.get_tracer("test").start_span("span", attributes={"infraprism.session.turns": 7})
    write(span, COST)
    span.end()
    assert exported.attributes() == {"span": COST}


def test_a_span_that_has_ended_stays_as_it_is(caplog):
    provider, exported = recording()
    span = provider.get_tracer("test").start_span("span", attributes={"a": "1"})
    span.end()
    write(span, COST)
    assert exported.attributes() == {"span": {"a": "1"}}
    assert dict(span.attributes) == {"a": "1"}
    assert caplog.messages == ["Setting attribute on ended span."]


def test_attributes_written_late_are_frozen_as_before():
    provider, _ = recording()
    late, _ = recording(Late())
    frozen = []
    for tracer in (provider.get_tracer("test"), late.get_tracer("test")):
        span = tracer.start_span("span")
        span.end()
        frozen.append(span._attributes._immutable)
    assert frozen[0] is frozen[1]


class PlainSpan:
    """Another implementation's span: it has what the API has, and perhaps a name or two of the SDK's."""

    def __init__(self, **private):
        self.given = []
        vars(self).update(private)

    def set_attributes(self, attributes):
        self.given.append(attributes)


@pytest.mark.parametrize("write", [write, write_late])
@pytest.mark.parametrize(
    "private",
    [
        {},
        {"_attributes": None},
        {"_attributes": {}},
        {"_attributes": SimpleNamespace(_dict={})},
        {"_attributes": SimpleNamespace(_dict={}, _lock=None, _immutable=False)},
        {
            "_attributes": SimpleNamespace(
                _dict=(), _lock=None, _immutable=False, maxlen=None, max_value_len=None
            )
        },
    ],
    ids=str,
)
def test_without_the_sdks_private_names_the_api_does_it(write, private):
    span = PlainSpan(**private)
    write(span, COST)
    assert span.given == [COST]


@pytest.mark.parametrize("limits", [{}, {"max_span_attributes": 1}], ids=str)
def test_what_was_written_is_read(limits):
    provider, exported = recording(span_limits=SpanLimits(**limits))
    span = provider.get_tracer("test").start_span("span", attributes={"a": "1"})
    assert dict(read(span)) == {"a": "1"}
    span.end()
    assert dict(read(span)) == exported.attributes()["span"] == {"a": "1"}


@pytest.mark.parametrize(
    ("span", "attributes"),
    [
        (PlainSpan(), {}),
        (PlainSpan(attributes=None), {}),
        (PlainSpan(attributes={"a": "1"}), {"a": "1"}),
        (PlainSpan(_attributes={"a": "1"}, attributes={"a": "2"}), {"a": "2"}),
    ],
)
def test_what_another_implementation_says_is_read(span, attributes):
    assert read(span) == attributes
