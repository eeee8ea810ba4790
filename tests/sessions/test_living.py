"""Which sessions of `Session` objects are alive."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from infraprism import guard
from infraprism.sessions import Identity, life
from infraprism.sessions.living import Living, Slot


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told(monkeypatch):
    """Who began (with the id before) and who ended."""
    told = []
    monkeypatch.setattr(
        life, "_started", [lambda who, before: told.append(("start", who.session_id, before))]
    )
    monkeypatch.setattr(life, "_ended", [lambda who: told.append(("end", who.session_id))])
    monkeypatch.setattr(guard, "_dropped", Counter())
    return told


def slot(name, timeout=10):
    return Slot(Identity(name), timeout)


def test_each_that_is_idle_is_noticed_when_any_is_used(clock, told):
    living = Living(clock)
    for name, timeout in (("slow", 100), ("never", None), ("quick", 10), ("quicker", 5)):
        living.use(slot(name, timeout))
    told.clear()
    clock.now += 11
    living.use(other := slot("other"))
    assert told == [("end", "quicker"), ("end", "quick"), ("start", "other", None)]
    clock.now += 90
    living.use(other)
    assert [event[:2] for event in told[3:]] == [
        ("end", "other"),
        ("end", "slow"),
        ("start", living.use(other)[0].identity.session_id),
    ]


def test_use_keeps_it_alive(clock, told):
    living, used = Living(clock), slot("used")
    first, _ = living.use(used)
    for _ in range(5):
        clock.now += 9
        assert living.use(used)[0] is first
        living.use(slot("another"))
    assert [event for event in told if event[1] == "used"] == [("start", "used", None)]


def test_an_open_block_keeps_it_alive(clock, told):
    living, entered = Living(clock), slot("entered")
    life, _ = living.use(entered, enter=True)
    clock.now += 1000
    living.use(slot("another", None))
    assert living.use(entered)[0] is life
    clock.now += 1000
    living.leave(life)
    clock.now += 10
    living.use(slot("a third", None))
    assert [event for event in told if event[0] == "end"] == []
    clock.now += 1
    living.use(slot("a fourth", None))
    assert [event for event in told if event[0] == "end"] == [("end", "entered")]


def test_two_objects_with_one_id_are_one_session(clock, told):
    living, one, other = Living(clock), slot("conv-1"), slot("conv-1")
    assert living.use(one)[0] is living.use(other)[0]
    living.end(other)
    living.end(one)
    assert told == [("start", "conv-1", None), ("end", "conv-1")]
    assert (one.previous_id, other.previous_id) == ("conv-1", "conv-1")


def test_two_entities_with_one_id_are_two_sessions(clock, told):
    living = Living(clock)
    acme, _ = living.use(Slot(Identity("1", "customer", "acme"), 10))
    assert acme is not living.use(Slot(Identity("1", "customer", "globex"), 10))[0]


def test_what_does_not_fit_any_more_is_not_watched_until_it_is_used(clock, told):
    living, slots = Living(clock, capacity=2), [slot(name) for name in "abc"]
    lives = [living.use(each)[0] for each in slots]
    assert guard.dropped() == {"session_end_unseen": 1}
    clock.now += 5
    assert living.use(slots[0])[0] is lives[0]  # and now b is not watched
    clock.now += 11
    living.use(slot("d"))
    assert told == [
        ("start", "a", None),
        ("start", "b", None),
        ("start", "c", None),
        ("end", "a"),
        ("end", "c"),
        ("start", "d", None),
    ]
    living.end(slots[1])
    assert told[-1] == ("end", "b")


def test_memory_is_bounded_by_those_that_are_alive(clock, told):
    living = Living(clock)
    for number in range(1000):
        each = slot(str(number), timeout=10**6)
        living.use(each)
        living.end(each)
    assert len(living._lives) == 0
    assert len(living._due) <= 101


def test_all_end_with_the_process(clock, told):
    living, slots = Living(clock), [slot("a"), slot("b", None)]
    for each in slots:
        living.use(each)
    told.clear()
    living.end_all()
    living.end_all()
    living.end(slots[0])
    assert told == [("end", "a"), ("end", "b")]


def test_a_callback_that_fails_harms_nobody(clock, told, monkeypatch):
    def fail(*about):
        raise RuntimeError("a bug")

    monkeypatch.setattr(life, "_started", [fail, *life._started])
    monkeypatch.setattr(life, "_ended", [fail, *life._ended])
    living, each = Living(clock), slot("a")
    living.use(each)
    living.end(each)
    assert told == [("start", "a", None), ("end", "a")]
    assert guard.dropped() == {"telemetry_error": 2}


def test_a_callback_may_use_sessions(clock, told, monkeypatch):
    """No lock is held while others are told."""
    living, each = Living(clock), slot("a")
    monkeypatch.setattr(life, "_started", [*life._started, lambda who, before: living.end(each)])
    living.use(each)
    assert told == [("start", "a", None), ("end", "a")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_goes_on_in_its_parents_session_and_does_not_end_it():
    program = """
import os, signal, sys, threading
from infraprism import Session, sessions
from infraprism.sessions.living import living

sessions.on_ended(lambda who: print("end", who.session_id, "in the", place, flush=True))
place = "parent"
chat, unused = Session(session_id="chat"), Session()
assert chat.id == "chat"
held, done = threading.Event(), threading.Event()

def hold():
    with living._lock:
        held.set()
        done.wait()

threading.Thread(target=hold).start()
held.wait()
read, write = os.pipe()
child = os.fork()
if child == 0:
    signal.alarm(10)
    place = "child"
    assert chat.id == "chat"
    os.write(write, unused.id.encode())
    own = Session(session_id="own")
    with own: pass
    chat.end()
    own.end()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
done.set()
assert unused.id != os.read(read, 100).decode()
unused.end()
chat.touch()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [lines[0], lines[-1]] == ["end own in the child", "end chat in the parent"]
    assert [line for line in lines[1:-1] if "in the parent" not in line] == []


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_ends_its_own(method, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("""
import multiprocessing, sys
from infraprism import Session, sessions

sessions.on_ended(lambda who: print("end", who.session_id, flush=True))

def work(name):
    Session(session_id=name).touch()

if __name__ == "__main__":
    work("parent")
    context = multiprocessing.get_context(sys.argv[1])
    child = context.Process(target=work, args=["child"])
    child.start()
    child.join()
    print("the child has ended", child.exitcode)
""")
    done = subprocess.run(
        [sys.executable, str(program), method], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["end child", "the child has ended 0", "end parent"]
