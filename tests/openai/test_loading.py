"""What the first call loads, beside other threads and forks."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading

from simulated_openai import SimulatedOpenAI

from infraprism.openai import loading

FIRST_CALLS = """
import sys, threading
from infraprism import InfraPrismOpenAI

together = threading.Barrier(8)

def call():
    client = InfraPrismOpenAI(base_url=sys.argv[1], api_key="none")
    together.wait()
    client.embeddings.create(model="text-embedding-3-small", input="hi", session_id="conv-123")

threads = [threading.Thread(target=call) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum("BatchSpan" in thread.name for thread in threading.enumerate()))
"""


def test_first_calls_at_once_share_one_exporter(api: SimulatedOpenAI) -> None:
    program = [sys.executable, "-c", FIRST_CALLS, api.base_url]
    result = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "1"
    assert len(api.bill()) == 8


def test_what_the_price_list_brings_is_there_before_the_first_call() -> None:
    # openai 2 fails in a call that finds httpx2 half loaded by another thread.
    code = """if True:
        import sys
        from infraprism import InfraPrismInstrumentor
        InfraPrismInstrumentor().instrument()
        import openai
        before = "httpx2" in sys.modules
        import genai_prices
        print(before, "httpx2" in sys.modules, "openai._httpx2" in sys.modules, openai.VERSION[0])
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, looked_for, major = result.stdout.split()
    assert after == "True"
    assert before == ("True" if major >= "3" or looked_for == "True" else "False")


def load_in_a_child() -> None:
    with loading.once_at_a_time():
        pass


def test_a_fork_waits_for_what_another_thread_loads() -> None:
    begun, finish = threading.Event(), threading.Event()

    def load() -> None:
        with loading.once_at_a_time():
            begun.set()
            finish.wait(30)

    loader = threading.Thread(target=load)
    loader.start()
    begun.wait(30)
    threading.Timer(0.2, finish.set).start()
    child = multiprocessing.get_context("fork").Process(target=load_in_a_child)
    child.start()
    assert finish.is_set(), "the fork did not wait"
    child.join(30)
    loader.join(30)
    assert child.exitcode == 0
