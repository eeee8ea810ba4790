"""Spans that end where they are least expected: in a signal's handler, or while garbage is collected."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.exporters.fault_server import FaultServer
from tests.exporters.test_processes import START

#: The last line of each says how many spans have ended.
IN_A_HANDLER = """
ended = 0

def handler(number, frame):
    global ended
    tracer.start_span("handler").end()
    ended += 1
    signal.setitimer(signal.ITIMER_REAL, 0.0002)

start()
tracer = trace.get_tracer("test")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0002)
for number in range(20000):
    tracer.start_span("main").end()
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(20000 + ended)
"""
WHILE_COLLECTING = """
import gc

class Abandoned:
    def __init__(self):
        self.itself = self
        self.span = tracer.start_span("abandoned")

    def __del__(self):
        self.span.end()

start()
tracer = trace.get_tracer("test")
gc.set_threshold(7)
for number in range(3000):
    Abandoned()
    tracer.start_span("main").end()
gc.collect()
print(6000)
"""
#: What it leaves in the middle had not ended: there may be more than it says.
BY_AN_EXCEPTION = """
class Interrupt(BaseException):
    pass

def handler(number, frame):
    raise Interrupt

start()
tracer = trace.get_tracer("test")
signal.signal(signal.SIGALRM, handler)
ended = 0
for number in range(5000):
    span = tracer.start_span("main")
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00001 + number % 50 * 0.000004)
        span.end()
        ended += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupt:
        pass
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(ended)
"""


@pytest.mark.parametrize("program", [IN_A_HANDLER, WHILE_COLLECTING, BY_AN_EXCEPTION])
def test_none_is_lost_and_nothing_hangs(server: FaultServer, program: str) -> None:
    command = [sys.executable, "-c", START + program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    ended = int(result.stdout)
    assert ended > 500
    assert len(server.spans) >= ended
    if program is not BY_AN_EXCEPTION:
        assert len(server.spans) == ended
