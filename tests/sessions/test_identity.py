"""What may be passed as session, entity and tags, and what it becomes."""

from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.sessions import NOBODY, Identity, attributes, identify


class Plan(StrEnum):
    PRO = "pro"


class OldPlan(str, Enum):  # noqa: UP042 - the spelling of before Python 3.11
    PRO = "pro"


class Tenant(IntEnum):
    ACME = 7


class OldTenant(int, Enum):
    ACME = 7


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


IDS = [
    ("conv-123", "conv-123"),
    ("acme-corp:conv-123", "acme-corp:conv-123"),
    (" ", " "),
    ("Gespräch 会話", "Gespräch 会話"),
    ("x" * 200, "x" * 200),
    ("会" * 200, "会" * 200),
    (0, "0"),
    (42, "42"),
    (-42, "-42"),
    (10**199, "1" + "0" * 199),
    (-(10**198), "-1" + "0" * 198),
    (UUID("12345678-1234-5678-1234-567812345678"), "12345678-1234-5678-1234-567812345678"),
    (Plan.PRO, "pro"),
    (OldPlan.PRO, "pro"),
    (Tenant.ACME, "7"),
    (OldTenant.ACME, "7"),
    (Text("itself"), "itself"),
]
REFUSED_IDS = [
    (True, TypeError, "{} must be a str, int or uuid.UUID, not bool"),
    (1.5, TypeError, "{} must be a str, int or uuid.UUID, not float"),
    (b"conv", TypeError, "{} must be a str, int or uuid.UUID, not bytes"),
    (["conv"], TypeError, "{} must be a str, int or uuid.UUID, not list"),
    ("", ValueError, "{} must not be empty"),
    (Text(""), ValueError, "{} must not be empty"),
    ("x" * 201, ValueError, "{} must be at most 200 characters long, not 201"),
    (-(10**199), ValueError, "{} must be at most 200 characters long, not 201"),
    (10**200, ValueError, "{} must be at most 200 characters long"),
    (-(10**5000), ValueError, "{} must be at most 200 characters long"),
    ("\ud800", ValueError, "{} must be valid Unicode text"),
]


def short(value):
    return repr(value)[:40] if not isinstance(value, int) or abs(value) < 10**40 else "huge"


@pytest.mark.parametrize(("given", "written"), IDS, ids=short)
@pytest.mark.parametrize("argument", ["session_id", "entity_id"])
def test_an_id_is_written_out_as_plain_text(argument, given, written):
    identity = identify(**{argument: given})
    assert identity == Identity(**{argument: written})
    assert type(getattr(identity, argument)) is str


@pytest.mark.parametrize(("given", "error", "message"), REFUSED_IDS, ids=short)
@pytest.mark.parametrize("argument", ["session_id", "entity_id"])
def test_an_id_that_is_none_is_refused_by_name(argument, given, error, message):
    with pytest.raises(error) as refusal:
        identify(**{argument: given})
    assert str(refusal.value) == message.format(argument)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (7, TypeError, "entity_type must be a str, not int"),
        (UUID(int=1), TypeError, "entity_type must be a str, not UUID"),
        ("", ValueError, "entity_type must not be empty"),
        ("x" * 201, ValueError, "entity_type must be at most 200 characters long, not 201"),
        ("\udfff", ValueError, "entity_type must be valid Unicode text"),
    ],
    ids=short,
)
def test_an_entity_type_is_text(given, error, message):
    with pytest.raises(error) as refusal:
        identify(entity_type=given)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("a=b", TypeError, "tags must be a mapping of str to str, not str"),
        ([("a", "b")], TypeError, "tags must be a mapping of str to str, not list"),
        ({str(n): "v" for n in range(33)}, ValueError, "tags must have at most 32 keys, not 33"),
        ({1: "b"}, TypeError, "tags: a key must be a str, not int"),
        ({"": "b"}, ValueError, "tags: a key must not be empty"),
        ({"k" * 201: "b"}, ValueError, "tags: a key must be at most 200 characters long, not 201"),
        ({"\ud800": "b"}, ValueError, "tags: a key must be valid Unicode text"),
        ({"a": 1}, TypeError, "tags['a'] must be a str, not int"),
        ({"a": None}, TypeError, "tags['a'] must be a str, not NoneType"),
        ({"a": True}, TypeError, "tags['a'] must be a str, not bool"),
        ({"a": ""}, ValueError, "tags['a'] must not be empty"),
        ({"a": "v" * 201}, ValueError, "tags['a'] must be at most 200 characters long, not 201"),
        ({"a": "\ud800"}, ValueError, "tags['a'] must be valid Unicode text"),
    ],
    ids=short,
)
def test_tags_that_are_none_are_refused_by_name(given, error, message):
    with pytest.raises(error) as refusal:
        identify(tags=given)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "given",
    [
        {"feature": "chatbot", "plan": "pro"},
        MappingProxyType({"feature": "chatbot", "plan": "pro"}),
        {"feature": Text("chatbot"), "plan": OldPlan.PRO},
    ],
    ids=["dict", "another mapping", "kinds of str"],
)
def test_tags_are_small_labels(given):
    tags = identify(tags=given).tags
    assert tags == {"feature": "chatbot", "plan": "pro"}
    assert {type(text) for pair in tags.items() for text in pair} == {str}


def test_there_can_be_32_tags():
    tags = {f"tag{n}": "v" for n in range(32)}
    assert identify(tags=tags) == Identity(tags=tags)


def test_tags_are_a_copy():
    tags = {"feature": "chatbot"}
    identity = identify(tags=tags)
    tags["feature"] = "changed"
    assert identity.tags == {"feature": "chatbot"}


def test_none_means_not_given():
    assert identify(None, None, None, None) is NOBODY
    assert Identity(None, None, None, {}) == NOBODY


@given(st.text() | st.integers() | st.uuids())
def test_an_id_is_taken_as_it_is_or_refused(given):
    try:
        written = identify(given).session_id
    except ValueError:
        text = str(given)
        assert not text or len(text) > 200 or not text.isascii()
    else:
        assert written == str(given)


# One identity inside of another

OUTER = Identity("outer", "customer", "acme", {"feature": "chat", "plan": "pro"})


@pytest.mark.parametrize(
    ("inner", "result"),
    [
        pytest.param(NOBODY, OUTER, id="what is left open comes from outside"),
        pytest.param(Identity("inner"), OUTER._replace(session_id="inner"), id="inner session"),
        pytest.param(
            Identity(None, "team", "search"),
            OUTER._replace(entity_type="team", entity_id="search"),
            id="inner entity",
        ),
        pytest.param(
            Identity(None, "team"),
            OUTER._replace(entity_type="team", entity_id=None),
            id="an entity of another type has no id from outside",
        ),
        pytest.param(Identity(None, "customer"), OUTER, id="an entity of the same type has"),
        pytest.param(
            Identity(None, None, "globex"),
            OUTER._replace(entity_id="globex"),
            id="an id without a type is of the outer type",
        ),
        pytest.param(
            Identity(tags={"plan": "free", "step": "2"}),
            OUTER._replace(tags={"feature": "chat", "plan": "free", "step": "2"}),
            id="tags of both, the inner ones winning",
        ),
    ],
)
def test_the_inner_identity_wins(inner, result):
    assert inner.inside(OUTER) == result


texts = st.none() | st.sampled_from(["a", "b"])
identities = st.builds(
    Identity, texts, texts, texts, st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
)


@given(identities)
def test_nobody_changes_nothing(identity):
    assert identity.inside(NOBODY) == NOBODY.inside(identity) == identity.inside(identity) == identity


@given(identities, identities)
def test_what_the_inner_identity_says_stays(inner, outer):
    result = inner.inside(outer)
    assert all(said in (None, found) for said, found in zip(inner[:3], result[:3], strict=True))
    assert result.tags == {**outer.tags, **inner.tags}


# As attributes


def test_attributes_of_an_identity():
    assert attributes(Identity("conv-1", "customer", "acme", {"feature": "chatbot"})) == {
        "session.id": "conv-1",
        "gen_ai.conversation.id": "conv-1",
        "infraprism.entity.type": "customer",
        "infraprism.entity.id": "acme",
        "infraprism.tag.feature": "chatbot",
    }


def test_a_user_is_opentelemetrys_user_as_well():
    assert attributes(Identity(None, "user", "u-1")) == {
        "infraprism.entity.type": "user",
        "infraprism.entity.id": "u-1",
        "user.id": "u-1",
    }


def test_nobody_has_no_attributes():
    assert attributes(NOBODY) == {}
