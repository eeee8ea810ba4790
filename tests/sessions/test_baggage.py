"""What of OpenTelemetry's baggage is ours, and taken out."""

import pytest
from opentelemetry import baggage
from opentelemetry.context import Context, set_value

from infraprism.sessions import without_baggage


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"infraprism.session.id": "s", "infraprism.tag.a": "b", "tenant": "blue"}, {"tenant": "blue"}),
        ({"infraprism.session.id": "s"}, {}),
        ({7: "not a name", "infraprism.entity.id": "e"}, {7: "not a name"}),
    ],
)
def test_ours_is_taken_out_of_a_copy(before, after):
    context = set_value("kept", 1, Context())
    for name, value in before.items():
        context = baggage.set_baggage(name, value, context)
    cleared = without_baggage(context)
    assert (dict(baggage.get_all(cleared)), cleared["kept"]) == (after, 1)
    assert dict(baggage.get_all(context)) == before


@pytest.mark.parametrize("name", ["tenant", "infraprism", "infraprism_like", "x-infraprism.session.id"])
def test_a_context_without_it_is_given_back_itself(name):
    for context in (Context(), set_value("a", 1, Context()), baggage.set_baggage(name, "x", Context())):
        assert without_baggage(context) is context
