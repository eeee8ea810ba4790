"""Telemetry's own failures stay away from the host."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading

import pytest

from infraprism import guard


@pytest.fixture(autouse=True)
def nothing_dropped_yet(monkeypatch):
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())


def test_a_result_passes_through():
    @guard.guarded("broken")
    def add(one, other=2):
        """Adds."""
        return one + other

    assert (add(1), add(1, other=3), add.__name__, add.__doc__) == (3, 4, "add", "Adds.")
    assert guard.dropped() == {}


def test_a_failure_becomes_none_and_is_counted_and_logged_once(caplog):
    @guard.guarded("broken")
    def fail(content):
        raise ValueError(f"cannot use {content}")

    assert [fail("the secret prompt") for _ in range(3)] == [None, None, None]
    assert guard.dropped() == {"broken": 3}
    (record,) = caplog.records
    line = fail.__wrapped__.__code__.co_firstlineno + 2
    assert (record.name, record.levelname, record.getMessage(), record.exc_info) == (
        "infraprism",
        "WARNING",
        f"infraprism: broken (ValueError at test_guard.py:{line}); counted as dropped from now on",
        None,
    )


def test_each_reason_is_logged_once(caplog):
    for reason in ("one", "other", "one", "other"):
        guard.drop(reason, "a detail")
    assert caplog.messages == [
        "infraprism: one (a detail); counted as dropped from now on",
        "infraprism: other (a detail); counted as dropped from now on",
    ]
    assert guard.dropped() == {"one": 2, "other": 2}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_the_hosts_own_passes_through(error):
    @guard.guarded("broken")
    def stop():
        raise error

    with pytest.raises(error):
        stop()
    assert guard.dropped() == {}


def test_many_can_be_lost_at_once(caplog):
    guard.drop("spans", "a detail", 512)
    guard.drop("spans", "a detail", 1)
    assert guard.dropped() == {"spans": 513}
    assert caplog.messages == ["infraprism: spans (a detail); counted as dropped from now on"]


def test_what_is_given_out_is_a_copy():
    guard.drop("one", "a detail")
    guard.dropped()["one"] = 7
    assert guard.dropped() == {"one": 1}


def test_threads_lose_no_count():
    def drop():
        for _ in range(500):
            guard.drop("one", "a detail")

    threads = [threading.Thread(target=drop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert guard.dropped() == {"one": 4000}


def test_a_finalizer_may_drop_in_the_midst_of_a_drop(monkeypatch):
    """Garbage collection runs whenever it likes, so in the midst of counting as well."""

    class Abandoned:
        def __del__(self):
            guard.drop("other", "a detail")

    class CollectingCounter(type(guard._dropped)):
        def __setitem__(self, key, value):
            if key == "one":
                gc.collect()
            super().__setitem__(key, value)

    monkeypatch.setattr(guard, "_dropped", CollectingCounter())
    abandoned = Abandoned()
    abandoned.itself = abandoned
    del abandoned
    thread = threading.Thread(target=guard.drop, args=("one", "a detail"), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert guard.dropped() == {"one": 1, "other": 1}


def test_a_failing_log_filter_of_the_host_harms_nobody():
    class Broken(logging.Filter):
        def filter(self, record):
            raise RuntimeError("a bug of the host's")

    @guard.guarded("broken")
    def fail():
        raise ValueError

    broken = Broken()
    guard.logger.addFilter(broken)
    try:
        assert fail() is None
    finally:
        guard.logger.removeFilter(broken)
    assert guard.dropped() == {"broken": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_can_drop_though_the_lock_was_held_at_the_fork():
    program = """
import os, signal, threading
from infraprism import guard

held, done = threading.Event(), threading.Event()

def hold():
    with guard._lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    guard.drop("one", "a detail")
    os._exit(0 if guard.dropped() == {"one": 1} else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=30, check=True
    )
    assert done.stdout == "0\n"
