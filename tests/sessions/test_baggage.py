"""An identity in OpenTelemetry's baggage: off, unless it is allowed, key by key; and how it is taken out."""

import sys
from collections import Counter
from types import ModuleType

import opentelemetry
import pytest
from opentelemetry import baggage, propagate
from opentelemetry import context as otel_context
from opentelemetry.context import Context, set_value

from infraprism import guard, session, settings, with_baggage
from infraprism.sessions import NOBODY, Identity, from_environment, identity_in, without_baggage
from infraprism.sessions.baggage import _identity

ALL = "infraprism.session.id, infraprism.entity.type,infraprism.entity.id,infraprism.tag.feature"
ACME = Identity("conv-1", "customer", "acme", {"feature": "chat"})
#: How it looks on the wire.
HEADER = (
    "infraprism.session.id=conv-1,infraprism.entity.type=customer,infraprism.entity.id=acme,"
    "infraprism.tag.feature=chat"
)


@pytest.fixture
def allow(monkeypatch):
    """Sets what is allowed, and further variables."""

    def use(keys=None, **variables):
        for name, value in {"INFRAPRISM_BAGGAGE": keys, **variables}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        for cached in (settings.current, from_environment, _identity):
            cached.cache_clear()

    monkeypatch.setattr(guard, "_dropped", Counter())
    use()
    yield use
    monkeypatch.undo()
    use()


def inbound(header):
    """The context of a request with this header."""
    return propagate.extract({"baggage": header}, context=Context())


def test_nothing_is_read_or_written_unless_it_is_allowed(allow):
    assert identity_in(inbound(HEADER)) == NOBODY
    with session("conv-1"):
        assert dict(baggage.get_all(with_baggage())) == {}


def test_what_is_allowed_is_read(allow):
    allow(ALL)
    assert identity_in(inbound(HEADER)) == ACME
    assert identity_in(inbound("infraprism.session.id=Gespr%C3%A4ch,user.email=a%40b.c")) == Identity(
        "Gespräch"
    )
    assert identity_in(inbound("user.email=a%40b.c")) == identity_in(Context()) == NOBODY


def test_what_is_not_allowed_is_not(allow):
    allow("infraprism.session.id")
    assert identity_in(inbound(HEADER)) == Identity("conv-1")


def test_a_block_wins_over_baggage_and_baggage_over_the_environment(allow):
    allow(ALL, INFRAPRISM_SESSION_ID="job-7", INFRAPRISM_ENTITY_ID="7", INFRAPRISM_TAGS="job=nightly")
    token = otel_context.attach(inbound("infraprism.session.id=conv-1,infraprism.tag.feature=chat"))
    try:
        assert identity_in() == Identity("conv-1", None, "7", {"job": "nightly", "feature": "chat"})
        with session("inner", tags={"feature": "help"}):
            assert identity_in() == Identity("inner", None, "7", {"job": "nightly", "feature": "help"})
    finally:
        otel_context.detach(token)


def test_what_cannot_be_used_is_ignored_counted_once_and_logged_without_its_value(allow, caplog):
    allow(ALL)
    bad = inbound(f"infraprism.session.id={'x' * 201},infraprism.entity.id=,infraprism.tag.feature=chat")
    for _ in range(3):
        assert identity_in(bad) == Identity(tags={"feature": "chat"})
    assert guard.dropped() == {"invalid_inbound": 2}
    assert caplog.messages == [
        "infraprism: invalid_inbound (baggage infraprism.session.id: session_id must be at most 200"
        " characters long, not 201); counted as dropped from now on"
    ]


def test_baggage_that_no_header_could_give_harms_nobody(allow):
    allow(ALL)
    assert identity_in(baggage.set_baggage("infraprism.session.id", 7, Context())) == Identity("7")
    assert identity_in(baggage.set_baggage("infraprism.session.id", 1.5, Context())) == NOBODY
    assert identity_in(baggage.set_baggage("infraprism.session.id", ["conv-1"], Context())) == NOBODY
    assert guard.dropped() == {"invalid_inbound": 1, "telemetry_error": 1}


def test_a_service_of_ones_own_is_told_and_nobody_else(allow):
    allow(ALL)
    with session("conv-1", entity_type="customer", entity_id="acme", tags={"feature": "chat", "plan": "pro"}):
        own, other = {}, {}
        propagate.inject(own, context=with_baggage())
        propagate.inject(other)
    assert (own, other) == ({"baggage": HEADER}, {})
    assert identity_in(propagate.extract(own, context=Context())) == ACME


def test_only_what_is_allowed_and_known_is_written(allow):
    allow("infraprism.session.id,infraprism.entity.id")
    with session("conv-1", entity_type="customer"):
        outside = baggage.set_baggage("own", "1", otel_context.get_current())
        assert dict(baggage.get_all(with_baggage(outside))) == {"own": "1", "infraprism.session.id": "conv-1"}


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


def test_while_another_thread_loads_what_baggage_needs_there_is_none(allow, monkeypatch):
    allow("infraprism.session.id")
    context = set_value("a", 1, Context())
    half_loaded = ModuleType(baggage.__name__)
    monkeypatch.setitem(sys.modules, baggage.__name__, half_loaded)
    monkeypatch.delattr(opentelemetry, "baggage")
    assert identity_in(context) == NOBODY
    assert without_baggage(context) is context
