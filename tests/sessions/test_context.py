"""Sessions in the flow of a program: blocks, tasks, threads."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from opentelemetry import context as otel_context

from infraprism import session
from infraprism.sessions import NOBODY, Identity, identify, identity_in, on_entering, with_identity

IN_A = Identity(session_id="a")
IN_B = Identity(session_id="b")


def test_a_block_gives_its_session_to_all_inside():
    with session("conv-1", entity_type="customer", entity_id=7, tags={"feature": "chat"}) as identity:
        assert identity == Identity("conv-1", "customer", "7", {"feature": "chat"})
        assert identity_in() == identity
    assert identity_in() == NOBODY


def test_the_inner_block_wins_and_tags_of_both_apply():
    with session("outer", entity_type="customer", entity_id="acme", tags={"plan": "pro", "step": "1"}):
        with session("inner", tags={"step": "2"}):
            assert identity_in() == Identity("inner", "customer", "acme", {"plan": "pro", "step": "2"})
        with session(entity_type="team"):
            assert identity_in() == Identity("outer", "team", None, {"plan": "pro", "step": "1"})
        assert identity_in() == Identity("outer", "customer", "acme", {"plan": "pro", "step": "1"})


def test_arguments_of_a_call_win_over_the_block():
    with session("block", entity_type="customer", entity_id="acme"):
        assert identify("argument").inside(identity_in()) == Identity("argument", "customer", "acme")


def test_a_wrong_argument_is_refused_before_the_block_is_entered():
    with pytest.raises(TypeError, match=r"^entity_id must be a str, int or uuid\.UUID, not float$"):
        session("conv-1", entity_id=1.5)


def test_an_exception_passes_through_and_the_session_ends():
    error = LookupError("the caller's own")
    with pytest.raises(LookupError) as caught, session("a"):
        raise error
    assert caught.value is error
    assert identity_in() == NOBODY


async def test_async_with():
    async with session("a") as identity:
        await asyncio.sleep(0)
        assert identity_in() == identity == IN_A
    assert identity_in() == NOBODY


async def test_tasks_keep_their_sessions_apart():
    everyone_is_inside = asyncio.Barrier(3)

    async def converse(name):
        with session(name):
            await everyone_is_inside.wait()
            return identity_in().session_id

    assert await asyncio.gather(*map(converse, "abc")) == ["a", "b", "c"]
    assert identity_in() == NOBODY


async def test_a_task_inherits_the_session_it_was_started_in():
    async def where():
        return identity_in()

    with session("a"):
        task = asyncio.create_task(where())
    assert await task == IN_A


async def test_a_task_may_outlive_the_block_it_was_started_in():
    outer_is_left = asyncio.Event()

    async def outlive():
        with session("b"):
            await outer_is_left.wait()
            inside = identity_in()
        return inside, identity_in()

    with session("a"):
        task = asyncio.create_task(outlive())
        await asyncio.sleep(0)
    outer_is_left.set()
    assert await task == (IN_B, IN_A)


def test_a_thread_has_the_session_of_the_context_it_runs_in():
    with ThreadPoolExecutor(1) as pool, session("a"):
        context = contextvars.copy_context()
        assert pool.submit(context.run, identity_in).result() == IN_A
        assert pool.submit(identity_in).result() == NOBODY


async def test_a_thread_of_asyncio_has_the_session_of_its_task():
    with session("a"):
        assert await asyncio.to_thread(identity_in) == IN_A


def test_one_object_can_be_entered_again_and_inside_of_itself():
    again = session("a")
    with again:
        with session("b"), again:
            assert identity_in() == IN_A
        assert identity_in() == IN_A
    with again:
        assert identity_in() == IN_A
    assert identity_in() == NOBODY


async def test_tasks_can_share_one_object(caplog):
    shared = session(tags={"job": "nightly"})
    second_is_inside, first_is_out = asyncio.Event(), asyncio.Event()

    async def first():
        with session("a"):
            with shared:
                await second_is_inside.wait()
                inside = identity_in()
            first_is_out.set()
            return inside, identity_in()

    async def second():
        with session("b"):
            with shared:
                second_is_inside.set()
                await first_is_out.wait()
                inside = identity_in()
            return inside, identity_in()

    tags = {"job": "nightly"}
    assert await asyncio.gather(first(), second()) == [
        (IN_A._replace(tags=tags), IN_A),
        (IN_B._replace(tags=tags), IN_B),
    ]
    assert caplog.messages == []


def test_threads_can_share_one_object(caplog):
    shared = session("a")
    second_is_inside, first_is_out = threading.Event(), threading.Event()

    def first():
        with shared:
            assert second_is_inside.wait(10)
        first_is_out.set()
        return identity_in()

    def second():
        with shared:
            second_is_inside.set()
            assert first_is_out.wait(10)
            inside = identity_in()
        return inside, identity_in()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(first), pool.submit(second)
        assert (one.result(), other.result()) == (NOBODY, (IN_A, NOBODY))
    assert caplog.messages == []


def test_a_context_that_somebody_inside_did_not_give_back_ends_with_the_block():
    with session("a"):
        otel_context.attach(otel_context.set_value("a library's", "own"))
    assert identity_in() == NOBODY
    assert otel_context.get_value("a library's") is None


def test_a_context_can_be_asked_for_its_session():
    with session("a"):
        context = otel_context.get_current()
    with session("b"):
        assert identity_in(context) == IN_A
        assert identity_in() == IN_B


def test_a_context_is_copied_with_an_identity():
    outside = otel_context.set_value("kept", 1, otel_context.Context())
    inside = with_identity(IN_A, outside)
    assert (identity_in(inside), inside["kept"], identity_in(outside)) == (IN_A, 1, NOBODY)


def test_nothing_of_a_session_is_propagated_to_other_services():
    from opentelemetry import baggage, propagate

    with session("secret", entity_type="customer", entity_id="secret", tags={"secret": "secret"}):
        headers = {}
        propagate.inject(headers)
        assert (headers, dict(baggage.get_all())) == ({}, {})


def test_entering_a_session_is_told_once_per_callback(monkeypatch):
    monkeypatch.setattr("infraprism.sessions.context._entering", [])
    entered = []

    def callback():
        entered.append("entered")

    on_entering(callback)
    on_entering(callback)
    with session("a"):
        assert entered == ["entered"]
        with ExitStack() as stack:
            stack.enter_context(session("b"))
            assert entered == ["entered", "entered"]
    assert entered == ["entered", "entered"]


def test_a_generator_ends_its_block_inside_of_its_callers(caplog):
    def generate():
        with session("a"):
            yield identity_in()

    generator = generate()
    assert next(generator) == IN_A
    with session("b"):
        generator.close()
        assert identity_in() == IN_B
    assert identity_in() == NOBODY
    assert caplog.messages == []


async def test_a_generator_that_is_closed_by_another_task(caplog):
    async def generate():
        async with session("a"):
            yield identity_in()

    async def first(generator):
        return await anext(generator)

    generator = generate()
    assert await asyncio.create_task(first(generator)) == IN_A
    with session("b"):
        await generator.aclose()
        assert identity_in() == IN_B
    assert identity_in() == NOBODY
    assert caplog.messages == []


def test_threads_that_share_an_object_and_do_not_give_back_a_context():
    shared = session("a")
    everyone_is_inside = threading.Barrier(4)

    def converse(number):
        with session(f"outer-{number}"):
            with shared:
                otel_context.attach(otel_context.set_value("a library's", "own"))
                everyone_is_inside.wait(10)
                inside = identity_in()
            return inside, identity_in(), otel_context.get_value("a library's")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(converse, range(4)))
    assert found == [(IN_A, Identity(f"outer-{number}"), None) for number in range(4)]
