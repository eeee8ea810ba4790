"""The clock of inactivity."""

import sys
import time

import pytest

from infraprism.sessions import clock


def test_it_never_goes_back():
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(readings)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_on_linux_it_goes_on_while_the_machine_sleeps():
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= clock.now() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_where_the_system_has_none_that_works_it_is_the_monotonic_one(monkeypatch):
    def refuse(clock):
        raise OSError

    monkeypatch.setattr(time, "clock_gettime", refuse)
    monkeypatch.setattr(clock, "_CLOCK", clock._which())
    before = time.monotonic()
    assert before <= clock.now() <= time.monotonic()
