"""The trace that a session's calls share."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infraprism.sessions import Generation, Identity, trace_id_of, trace_ids
from infraprism.sessions.recent import Recent
from infraprism.sessions.trace_ids import count, next_trace_id

CONVERSATION = Identity("conv-1", "customer", "acme")
#: The same in every process and every release: the parts of an application must agree on it.
CONVERSATIONS_TRACE = 0xA7604E0B7597D6088B9CBCD398E2C439
#: Likewise those of the generations (0, 1), (1, 0) and (20,000, 2).
GENERATIONS = [
    0xC1BAF610548A209E939999DD962F4D57,
    0x83391A100B01E220F02D8859CD7AC1F3,
    0xD36FFD7E7D98F3D34A2652858E280CEE,
]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
sessions = st.builds(Identity, texts, st.none() | texts, st.none() | texts, tags=st.just({}))
generations = st.builds(Generation, st.integers(0, 3), st.integers(0, 3))


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch):
    monkeypatch.setattr(trace_ids, "_counted", Recent(100))


def at(written):
    """A time in UTC, as Unix nanoseconds."""
    return int(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()) * 10**9


def trace_id_in_a_process(**variables):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INFRAPRISM_")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from infraprism.sessions import identify, trace_id_of\n"
            "print(trace_id_of(identify('conv-1', 'customer', 'acme')))",
        ],
        env=environ | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return int(done.stdout)


def test_every_process_arrives_at_the_same_trace():
    assert trace_id_of(CONVERSATION) == CONVERSATIONS_TRACE
    assert trace_id_in_a_process(PYTHONHASHSEED="1") == CONVERSATIONS_TRACE


def test_a_secret_key_gives_traces_that_cannot_be_guessed():
    keys = ["secret", "another", "k" * 65, "k" * 66, os.fsdecode(b"\xff")]
    found = [trace_id_in_a_process(INFRAPRISM_TRACE_KEY=key) for key in keys]
    assert len({*found, CONVERSATIONS_TRACE}) == len(keys) + 1
    assert trace_id_in_a_process(INFRAPRISM_TRACE_KEY="secret") == found[0]


def test_without_a_session_there_is_no_trace():
    assert trace_id_of(Identity(None, "customer", "acme")) is None


@given(sessions)
def test_a_trace_id_is_one(identity):
    assert 0 < trace_id_of(identity) < 2**128


def test_a_trace_id_is_never_zero(monkeypatch):
    class Zeros:
        def __init__(self, **options):
            pass

        def update(self, data):
            pass

        def digest(self):
            return bytes(16)

    monkeypatch.setattr(trace_ids, "blake2b", Zeros)
    assert trace_id_of(Identity("a session that hashes to zero")) == 1


def test_tags_do_not_matter():
    assert trace_id_of(CONVERSATION._replace(tags={"step": "2"})) == CONVERSATIONS_TRACE


@given(sessions, sessions, generations, generations)
def test_two_sessions_never_share_a_trace(one, other, ones, others):
    assume((one, ones) != (other, others))
    assert trace_id_of(one, ones) != trace_id_of(other, others)


@given(st.lists(texts, min_size=2, max_size=5))
def test_where_one_field_ends_and_the_next_begins_matters(pieces):
    """The same characters, cut in every way into an entity's type, its id and a session."""
    letters = "".join(pieces)
    cuts = [(i, j) for i in range(1, len(letters)) for j in range(i + 1, len(letters))]
    ways = [Identity(letters[j:], letters[:i], letters[i:j]) for i, j in cuts]
    ways += [Identity(letters[i:], letters[:i]) for i in range(1, len(letters))]
    ways += [Identity(letters[i:], None, letters[:i]) for i in range(1, len(letters))]
    ways += [Identity(letters)]
    assert len({trace_id_of(way) for way in ways}) == len({way[:3] for way in ways})


# Long sessions


def test_the_first_trace_of_a_session_is_its_trace():
    assert trace_id_of(CONVERSATION, Generation()) == next_trace_id(CONVERSATION) == CONVERSATIONS_TRACE


def test_later_traces_are_the_same_in_every_process_and_release():
    found = [
        trace_id_of(CONVERSATION, Generation(*generation)) for generation in [(0, 1), (1, 0), (20_000, 2)]
    ]
    assert found == GENERATIONS


def test_a_session_goes_on_in_another_trace_when_one_is_full(environment):
    environment(TRACE_MAX_CALLS="3")
    other = CONVERSATION._replace(entity_id="globex")
    found = [(next_trace_id(CONVERSATION), next_trace_id(other)) for _ in range(7)]
    assert found == [
        (trace_id_of(CONVERSATION, Generation(0, size)), trace_id_of(other, Generation(0, size)))
        for size in (0, 0, 0, 1, 1, 1, 2)
    ]


def test_a_trace_is_full_after_a_thousand_calls():
    found = [next_trace_id(CONVERSATION) for _ in range(2001)]
    firsts = [number for number in range(2001) if number == 0 or found[number] != found[number - 1]]
    assert firsts == [0, 1000, 2000]


def test_calls_that_go_to_the_trace_by_another_way_are_counted(environment):
    environment(TRACE_MAX_CALLS="2")
    assert [count(CONVERSATION) for _ in range(3)] == [0, 1, 2]
    assert next_trace_id(CONVERSATION) == trace_id_of(CONVERSATION, Generation(0, 1))


def test_threads_fill_a_trace_together(environment):
    environment(TRACE_MAX_CALLS="500")
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: next_trace_id(CONVERSATION), range(4000)))
    known = [trace_id_of(CONVERSATION, Generation(0, size)) for size in range(8)]
    assert found <= set(known)
    assert len(found) > 1


def test_a_session_that_was_forgotten_begins_with_its_first_trace(environment, monkeypatch):
    environment(TRACE_MAX_CALLS="1")
    monkeypatch.setattr(trace_ids, "_counted", Recent(2))
    first = next_trace_id(CONVERSATION)
    assert next_trace_id(CONVERSATION) != first
    for number in range(4):
        next_trace_id(Identity(f"another-{number}"))
    assert next_trace_id(CONVERSATION) == first


def test_a_session_goes_on_in_another_trace_when_a_period_is_over(environment):
    environment(TRACE_MAX_HOURS="24")
    times = ["2026-03-01T00:00", "2026-03-01T23:59:59", "2026-03-02T00:00", "2026-03-02T12:00"]
    day = 20513  # days from 1970-01-01 to 2026-03-01
    assert [next_trace_id(CONVERSATION, at(time)) for time in times] == [
        trace_id_of(CONVERSATION, Generation(age, 0)) for age in (day, day, day + 1, day + 1)
    ]


def test_processes_that_saw_nothing_of_a_session_agree_on_the_period(environment):
    program = (
        "from infraprism.sessions import identify\n"
        "from infraprism.sessions.trace_ids import next_trace_id\n"
        f"print(next_trace_id(identify('conv-1', 'customer', 'acme'), {at('2026-03-01T05:00')}))"
    )
    environment(TRACE_MAX_HOURS="7")
    for _ in range(3):
        ours = next_trace_id(CONVERSATION, at("2026-03-01T05:30"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert int(done.stdout) == ours


def test_without_the_setting_no_period_is_over():
    found = {next_trace_id(CONVERSATION, at(f"20{year}-01-01")) for year in range(20, 40)}
    assert found == {CONVERSATIONS_TRACE}


def test_without_a_session_nothing_is_counted():
    assert next_trace_id(Identity(None, "customer", "acme")) is None
    assert trace_ids._counted.get(Identity(None, "customer", "acme").session) is None
