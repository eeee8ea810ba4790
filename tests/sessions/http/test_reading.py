"""What of a request says whose it is."""

from collections import Counter

import pytest

from infraprism import guard
from infraprism.sessions import NOBODY, Identity, identity_in
from infraprism.sessions.http import Cookie, Header
from infraprism.sessions.http.reading import Reading


@pytest.fixture(autouse=True)
def nothing_dropped_yet(monkeypatch):
    monkeypatch.setattr(guard, "_dropped", Counter())


def read(reading, **headers):
    block = reading.block({name.replace("_", "-"): value for name, value in headers.items()}.get)
    if block is None:
        return NOBODY
    with block:
        return identity_in()


def test_nothing_is_read_that_is_not_named():
    assert Reading().block({"x-session-id": b"conv-1", "cookie": b"session=1"}.get) is None


def test_each_value_is_fixed_or_found_in_a_header_or_a_cookie():
    reading = Reading(
        session_id=Cookie("chat"),
        entity_type="customer",
        entity_id=Header("X-Customer-Id"),
        tags={"service": "bot", "feature": Header("x-feature")},
    )
    assert read(reading, cookie=b"a=1; chat=conv-1", x_customer_id=b"acme", x_feature=b"chat") == Identity(
        "conv-1", "customer", "acme", {"service": "bot", "feature": "chat"}
    )
    assert read(reading) == Identity(None, "customer", None, {"service": "bot"})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"conv-1", "conv-1"),
        (b" conv-1\t", "conv-1"),
        ("Gespräch".encode(), "Gespräch"),
        (b"7", "7"),
        (b"", None),
        (b" ", None),
    ],
)
def test_a_header(value, found):
    assert read(Reading(session_id=Header("x-session")), x_session=value) == Identity(found)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"chat=conv-1", "conv-1"),
        (b"a=1;chat=conv-1 ;b=2", "conv-1"),
        (b'chat="conv-1"', "conv-1"),
        (b"chat=a=b", "a=b"),
        (b"chat=first; chat=second", "first"),
        (b"a; [bad]; chat=conv-1", "conv-1"),
        (b"Chat=conv-1", None),
        (b"chat=", None),
        (b"chat", None),
        (b"", None),
    ],
)
def test_a_cookie(value, found):
    assert read(Reading(session_id=Cookie("chat")), cookie=value) == Identity(found)


def test_what_cannot_be_used_is_ignored_and_counted_and_logged_once_without_its_value(caplog):
    reading = Reading(
        session_id=Header("X-Session"),
        entity_type="customer",
        entity_id=Cookie("customer"),
        tags={"plan": "pro", "feature": Header("x-feature")},
    )
    for _ in range(2):
        assert read(reading, x_session=b"s" * 201, cookie=b"customer=\xff", x_feature=b"f" * 201) == Identity(
            None, "customer", None, {"plan": "pro"}
        )
    assert guard.dropped() == {"invalid_inbound": 6}
    assert caplog.messages == [
        "infraprism: invalid_inbound (header X-Session: session_id must be at most 200 characters long, not"
        " 201); counted as dropped from now on"
    ]


def test_one_bad_value_does_not_spoil_the_others():
    reading = Reading(session_id=Header("x-session"), tags={"feature": Header("x-feature")})
    assert read(reading, x_session=b"conv-1", x_feature=b"\xff") == Identity("conv-1")


def test_a_fault_of_ours_does_not_reach_the_request():
    def headers(name):
        raise RuntimeError("a fault of ours")

    assert Reading(session_id=Header("x-session")).block(headers) is None
    assert guard.dropped() == {"telemetry_error": 1}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"session_id": 1.5}, TypeError, "session_id must be a str, int or uuid.UUID, not float"),
        ({"entity_type": ""}, ValueError, "entity_type must not be empty"),
        ({"tags": "feature"}, TypeError, "tags must be a mapping of str to str, not str"),
        ({"tags": {1: Header("x")}}, TypeError, "tags: a key must be a str, not int"),
        ({"tags": {"a": 1}}, TypeError, "tags['a'] must be a str, not int"),
        (
            {"tags": {str(n): Header("x") for n in range(33)}},
            ValueError,
            "tags must have at most 32 keys, not 33",
        ),
    ],
    ids=str,
)
def test_what_is_fixed_is_checked_at_once(wrong, error, message):
    with pytest.raises(error) as refusal:
        Reading(**wrong)
    assert str(refusal.value) == message
