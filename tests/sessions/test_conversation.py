"""A session as an object: its id lasts while it is in use."""

import asyncio
import contextlib
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace

import pytest
from simulated_openai import serve

import infraprism
from infraprism import InfraPrismOpenAI, Session, carry, session
from infraprism.sessions import NOBODY, Identity, conversation, identity_in, life, living
from infraprism.sessions.living import Living
from tests.support.calls import API_KEY, instrumented

ID = "00000000-0000-0000-0000-00000000000{}"
HOUR = 3600


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock of sessions; ids are counted."""
    clock, ids = Clock(), iter(range(1, 10))
    monkeypatch.setattr(conversation, "living", Living(clock))
    monkeypatch.setattr(living, "uuid", SimpleNamespace(uuid4=lambda: uuid.UUID(int=next(ids))))
    return clock


@pytest.fixture
def told(monkeypatch):
    """Who began (after whom) and who ended."""
    told = []
    monkeypatch.setattr(life, "_started", [lambda who, before: told.append((who.session_id, before))])
    monkeypatch.setattr(life, "_ended", [lambda who: told.append(who)])
    return told


def test_the_id_lasts_while_it_is_used(clock, told):
    chat = Session()
    assert (chat.id, chat.previous_id) == (ID.format(1), None)
    clock.now += HOUR
    assert chat.id == ID.format(1)
    clock.now += HOUR
    chat.touch()
    clock.now += HOUR
    with chat:
        assert identity_in() == Identity(ID.format(1))
    clock.now += HOUR + 0.001
    assert (chat.id, chat.previous_id) == (ID.format(2), ID.format(1))
    assert told == [(ID.format(1), None), Identity(ID.format(1)), (ID.format(2), ID.format(1))]


def test_nothing_begins_before_it_is_used(clock, told):
    chat = Session(session_id="conv-1")
    chat.end()
    assert (chat.previous_id, told) == (None, [])


def test_a_given_id_is_that_of_the_first_session(clock):
    chat = Session(session_id=7, timeout=0.5)
    assert chat.id == "7"
    clock.now += 1
    assert (chat.id, chat.previous_id) == (ID.format(1), "7")


def test_after_the_end_the_next_use_begins_a_new_one(clock, told):
    chat = Session(entity_type="customer", entity_id="acme")
    chat.touch()
    chat.end()
    chat.end()
    assert chat.previous_id == ID.format(1)
    assert (chat.id, chat.previous_id) == (ID.format(2), ID.format(1))
    ended = Identity(ID.format(1), "customer", "acme")
    assert told == [(ID.format(1), None), ended, (ID.format(2), ID.format(1))]


def test_a_session_without_a_timeout_is_never_idle(clock):
    chat = Session(timeout=None)
    first = chat.id
    clock.now += 10**9
    assert chat.id == first


def test_leaving_a_block_does_not_end_it(clock, told):
    chat = Session(session_id="conv-1", entity_type="customer", entity_id="acme", tags={"feature": "chat"})
    for _ in range(2):
        with chat as entered:
            assert entered is chat
            assert identity_in() == Identity("conv-1", "customer", "acme", {"feature": "chat"})
        assert identity_in() == NOBODY
    assert told == [("conv-1", None)]


def test_closing_ends_it_with_a_block(clock, told):
    with contextlib.closing(Session(session_id="conv-1")) as chat, chat:
        assert identity_in() == Identity("conv-1")
    assert told == [("conv-1", None), Identity("conv-1")]


async def test_async_with(clock):
    chat = Session(session_id="conv-1")
    async with chat as entered:
        await asyncio.sleep(0)
        assert (entered, identity_in()) == (chat, Identity("conv-1"))
    assert identity_in() == NOBODY


def test_a_block_longer_than_the_timeout_is_in_use(clock, told):
    chat = Session(session_id="conv-1")
    with chat:
        clock.now += 2 * HOUR
        assert chat.id == "conv-1"
        clock.now += 2 * HOUR
    clock.now += HOUR
    assert chat.id == "conv-1"
    assert told == [("conv-1", None)]


def test_an_exception_passes_through(clock):
    error = LookupError("the caller's own")
    with pytest.raises(LookupError) as caught, Session():
        raise error
    assert (caught.value is error, identity_in()) == (True, NOBODY)


def test_the_entity_that_it_does_not_say_is_that_of_the_block_in_which_it_begins(clock):
    chat = Session(session_id="conv-1", tags={"feature": "chat"})
    begun = Identity("conv-1", "customer", "acme", {"feature": "chat"})
    with session("outer", entity_type="customer", entity_id="acme", tags={"plan": "pro"}):
        chat.touch()
    with chat:
        assert identity_in() == begun
    with session(entity_id="globex", tags={"step": "1"}), chat:
        assert identity_in() == begun._replace(tags={"feature": "chat", "step": "1"})


def test_two_objects_of_one_session_have_their_own_tags(clock):
    for tags in ({"step": "1"}, {"step": "2"}):
        with Session(session_id="conv-1", tags=tags):
            assert identity_in() == Identity("conv-1", tags=tags)


def test_blocks_of_one_object_nest_also_across_its_sessions(clock):
    chat = Session()
    with chat:
        with chat:
            assert identity_in() == Identity(ID.format(1))
        chat.end()
        with chat:
            assert identity_in() == Identity(ID.format(2))
        assert identity_in() == Identity(ID.format(1))
    assert identity_in() == NOBODY


async def test_tasks_share_one_object_across_its_sessions(clock, caplog):
    chat = Session()
    second_is_inside, first_is_out = asyncio.Event(), asyncio.Event()

    async def first():
        with chat:
            await second_is_inside.wait()
            inside = identity_in()
        first_is_out.set()
        return inside, identity_in()

    async def second():
        chat.end()
        with chat:
            second_is_inside.set()
            await first_is_out.wait()
            inside = identity_in()
        return inside, identity_in()

    assert await asyncio.gather(first(), second()) == [
        (Identity(ID.format(1)), NOBODY),
        (Identity(ID.format(2)), NOBODY),
    ]
    assert caplog.messages == []


def test_threads_that_come_too_late_begin_one_session(clock, told):
    chat = Session()
    chat.touch()
    clock.now += 2 * HOUR
    told.clear()
    together = threading.Barrier(8)

    def use(_):
        together.wait(10)
        return chat.id

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(use, range(8))} == {ID.format(2)}
    assert told == [Identity(ID.format(1)), (ID.format(2), ID.format(1))]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"timeout": 0}, ValueError, "timeout must be more than 0 seconds"),
        ({"timeout": -1}, ValueError, "timeout must be more than 0 seconds"),
        ({"timeout": float("nan")}, ValueError, "timeout must be more than 0 seconds"),
        ({"timeout": "3600"}, TypeError, "timeout must be a number of seconds, not str"),
        ({"timeout": True}, TypeError, "timeout must be a number of seconds, not bool"),
        ({"session_id": ""}, ValueError, "session_id must not be empty"),
        ({"entity_id": 1.5}, TypeError, "entity_id must be a str, int or uuid.UUID, not float"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_at_once(wrong, error, message):
    with pytest.raises(error) as refusal:
        Session(**wrong)
    assert str(refusal.value) == message


# With the client


@pytest.fixture
def client(clock):
    """A client of a server, and what it records."""
    server = serve()
    with instrumented() as recording, InfraPrismOpenAI(base_url=server.base_url, api_key=API_KEY) as client:
        client.recording = recording
        yield client
    server.close()


def ask(client, **who):
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], **who)


def sessions_of(client):
    return [
        (span["attributes"]["session.id"], span["attributes"].get("infraprism.entity.id"))
        for span in client.recording.spans
    ]


def test_turns_of_a_conversation(client, clock):
    chat = Session(entity_type="customer", entity_id="acme")
    with chat:
        ask(client)
    ask(client, session_id=chat.id, entity_type="customer", entity_id="acme")
    clock.now += 2 * HOUR
    with chat:
        ask(client)
    assert sessions_of(client) == [(ID.format(1), "acme"), (ID.format(1), "acme"), (ID.format(2), "acme")]
    spans = client.recording.spans
    assert [span["attributes"]["infraprism.session.turns"] for span in spans] == [1, 2, 1]
    costs = [Decimal(span["attributes"]["infraprism.session.cost"]) for span in spans]
    assert costs[1] == costs[0] + Decimal(spans[1]["attributes"]["infraprism.cost.amount"])


def test_every_door_reaches_the_call(client):
    @session("decorated", entity_type="customer", entity_id=lambda call: call["customer"])
    def answer(customer):
        ask(client)

    @session("generated")
    def stream():
        yield ask(client)

    answer("acme")
    list(stream())
    with session("thread"):
        thread = threading.Thread(target=carry(ask), args=[client])
    thread.start()
    thread.join()
    with infraprism.CarryingExecutor(ThreadPoolExecutor(1)) as pool, session("executor"):
        pool.submit(ask, client).result()
    assert sessions_of(client) == [
        ("decorated", "acme"),
        ("generated", None),
        ("thread", None),
        ("executor", None),
    ]
