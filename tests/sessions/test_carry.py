"""Sessions in threads that the application starts itself."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from infraprism import CarryingExecutor, carry, session
from infraprism.sessions import NOBODY, Identity, identity_in

IN_A = Identity("a")


def test_a_thread_has_the_session_that_is_carried_to_it():
    found = []
    with session("a"):
        with_it = threading.Thread(target=carry(lambda: found.append(identity_in())))
        without = threading.Thread(target=lambda: found.append(identity_in()))
    for thread in (with_it, without):
        thread.start()
        thread.join()
    assert found == [IN_A, NOBODY]


def test_arguments_results_errors_and_the_name_are_the_functions():
    @carry
    def divide(one, *, by):
        """Divides."""
        return one / by

    assert (divide(6, by=3), divide.__name__, divide.__doc__) == (2, "divide", "Divides.")
    with pytest.raises(ZeroDivisionError):
        divide(1, by=0)


def test_what_is_carried_may_be_called_by_many_at_once_and_again():
    together = threading.Barrier(3)

    def meet():
        together.wait(10)
        return identity_in()

    with session("a"):
        carried = carry(meet)
    with ThreadPoolExecutor(3) as pool, session("b"):
        assert [job.result() for job in [pool.submit(carried) for _ in range(3)]] == [IN_A] * 3
        assert [job.result() for job in [pool.submit(carried) for _ in range(3)]] == [IN_A] * 3


def test_nothing_comes_back():
    variable = contextvars.ContextVar("variable", default=0)
    carry(variable.set)(1)
    assert variable.get() == 0


async def test_an_executor_of_the_event_loop():
    loop = asyncio.get_running_loop()
    with session("a"):
        carried = carry(identity_in)
        assert await loop.run_in_executor(None, carried) == IN_A
        assert await loop.run_in_executor(None, identity_in) == NOBODY


def test_an_executor_that_carries_each_job():
    def where(name=None):
        return name, identity_in().session_id

    with CarryingExecutor(ThreadPoolExecutor(2)) as pool:
        with session("a"):
            first, mapped = pool.submit(where, name="first"), pool.map(where, "xy")
        with session("b"):
            second = pool.submit(where)
        assert [first.result(), second.result(), *mapped] == [
            ("first", "a"),
            (None, "b"),
            ("x", "a"),
            ("y", "a"),
        ]
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(where)


async def test_an_executor_that_carries_is_one_for_the_event_loop():
    loop = asyncio.get_running_loop()
    with CarryingExecutor(ThreadPoolExecutor(1)) as pool, session("a"):
        assert await loop.run_in_executor(pool, identity_in) == IN_A


def test_jobs_that_wait_can_be_cancelled_with_the_executor():
    release, pool = threading.Event(), CarryingExecutor(ThreadPoolExecutor(1))
    running, waiting = pool.submit(release.wait, 10), pool.submit(identity_in)
    pool.shutdown(wait=False, cancel_futures=True)
    release.set()
    assert (running.result(), waiting.cancelled()) == (True, True)
