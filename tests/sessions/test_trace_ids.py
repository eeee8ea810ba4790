"""The trace that a session's calls share."""

import os
import subprocess
import sys

from hypothesis import assume, given
from hypothesis import strategies as st

from infraprism.sessions import Identity, trace_id_of, trace_ids

CONVERSATION = Identity("conv-1", "customer", "acme")
#: The same in every process and every release: the parts of an application must agree on it.
CONVERSATIONS_TRACE = 0xA7604E0B7597D6088B9CBCD398E2C439

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
sessions = st.builds(Identity, texts, st.none() | texts, st.none() | texts, tags=st.just({}))


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


@given(sessions, sessions)
def test_two_sessions_never_share_a_trace(one, other):
    assume(one != other)
    assert trace_id_of(one) != trace_id_of(other)


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
