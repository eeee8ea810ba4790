"""A session around each call of a function."""

import asyncio
import contextvars
import gc
import inspect
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter

import pytest

from infraprism import session
from infraprism.sessions import NOBODY, Identity, identity_in
from tests.support.calls import instrumented

IN_A = Identity("a")
ACME = Identity("conv-1", "customer", "acme", {"feature": "chat"})


@session("a")
def plain():
    """Says where it is."""
    return identity_in()


@session("a")
async def coroutine():
    await asyncio.sleep(0)
    return identity_in()


@session("a")
def generator():
    """Says where it is at each step, and what it was sent."""
    said = None
    while said != "stop":
        said = yield identity_in(), said
    return "stopped"


@session("a")
async def async_generator():
    said = None
    while said != "stop":
        await asyncio.sleep(0)
        said = yield identity_in(), said


@session("a")
def fails():
    raise LookupError("its own")


def test_a_function_runs_in_the_session():
    assert (plain(), identity_in()) == (IN_A, NOBODY)


async def test_a_coroutine_runs_in_the_session():
    assert (await coroutine(), identity_in()) == (IN_A, NOBODY)


def test_a_generator_runs_in_the_session_and_its_consumer_does_not():
    steps = generator()
    assert (next(steps), identity_in()) == ((IN_A, None), NOBODY)
    with session("b"):
        assert (steps.send("hello"), identity_in()) == ((IN_A, "hello"), Identity("b"))
    with pytest.raises(StopIteration) as stop:
        steps.send("stop")
    assert (stop.value.value, identity_in()) == ("stopped", NOBODY)


async def test_an_async_generator_runs_in_the_session_and_its_consumer_does_not():
    steps = async_generator()
    assert (await anext(steps), identity_in()) == ((IN_A, None), NOBODY)
    async with session("b"):
        assert (await steps.asend("hello"), identity_in()) == ((IN_A, "hello"), Identity("b"))
    with pytest.raises(StopAsyncIteration):
        await steps.asend("stop")
    assert identity_in() == NOBODY


def test_a_function_stays_what_it_is():
    assert (plain.__name__, plain.__doc__) == ("plain", "Says where it is.")
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)


def test_a_failure_is_the_callers():
    with pytest.raises(LookupError, match=r"^its own$"):
        fails()
    assert identity_in() == NOBODY


def test_methods_can_be_decorated():
    class Bot:
        name = "bot"

        @session("a")
        def chat(self):
            return self.name, identity_in()

    assert Bot().chat() == ("bot", IN_A)


async def test_calls_at_the_same_time_are_apart():
    inside = asyncio.Barrier(3)

    @session(itemgetter("name"))
    async def converse(name):
        await inside.wait()
        return identity_in().session_id

    assert await asyncio.gather(*map(converse, "abc")) == ["a", "b", "c"]


def test_a_generator_may_go_from_thread_to_thread(caplog):
    steps = generator()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert one.submit(next, steps).result() == (IN_A, None)
        assert other.submit(next, steps).result() == (IN_A, None)
        assert one.submit(identity_in).result() == NOBODY
    steps.close()
    assert caplog.messages == []


def test_a_generator_keeps_the_context_it_began_in():
    language = contextvars.ContextVar("language", default="en")

    @session("a")
    def speak():
        while True:
            yield language.get(), identity_in().entity_id

    steps = speak()
    with session(entity_id="acme"):
        token = language.set("de")
        assert next(steps) == ("de", "acme")
        language.reset(token)
    assert next(steps) == ("de", "acme")


def test_what_is_thrown_into_a_generator_reaches_it():
    @session("a")
    def robust():
        while True:
            try:
                yield "ready"
            except LookupError as error:
                yield identity_in(), error

    steps, error = robust(), LookupError("thrown in")
    next(steps)
    assert steps.throw(error) == (IN_A, error)
    with pytest.raises(KeyError):
        steps.throw(KeyError("not caught"))


async def test_what_is_thrown_into_an_async_generator_reaches_it():
    @session("a")
    async def robust():
        while True:
            try:
                yield "ready"
            except LookupError as error:
                yield identity_in(), error

    steps, error = robust(), LookupError("thrown in")
    await anext(steps)
    assert await steps.athrow(error) == (IN_A, error)
    with pytest.raises(KeyError):
        await steps.athrow(KeyError("not caught"))


@pytest.mark.parametrize("how", ["close", "dropped"])
def test_a_generator_that_is_left_cleans_up_in_its_session(how):
    seen = []

    @session("a")
    def resource():
        try:
            yield
        finally:
            seen.append(identity_in())

    steps = resource()
    next(steps)
    if how == "close":
        steps.close()
    del steps
    gc.collect()
    assert (seen, identity_in()) == ([IN_A], NOBODY)


async def test_an_async_generator_that_is_left_cleans_up_in_its_session(caplog):
    seen = []

    @session("a")
    async def resource():
        try:
            yield
        finally:
            await asyncio.sleep(0)
            seen.append(identity_in())

    steps = resource()
    await anext(steps)
    await steps.aclose()
    assert (seen, identity_in(), caplog.messages) == ([IN_A], NOBODY, [])


async def test_a_task_that_is_cancelled_in_an_async_generator_ends_it():
    seen, waiting = [], asyncio.Event()

    @session("a")
    async def endless():
        try:
            waiting.set()
            await asyncio.Event().wait()
            yield
        except asyncio.CancelledError:
            seen.append(identity_in())
            raise

    async def consume():
        async for _ in endless():
            pass

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [IN_A]


async def test_a_timeout_works_in_an_async_generator():
    """It needs the task that runs it, and that is the consumer's."""

    @session("a")
    async def patient():
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            yield "timed out"

    assert [item async for item in patient()] == ["timed out"]


def test_a_call_is_one_block_also_where_blocks_have_spans():
    @session("generator", mode="nest")
    def steps():
        yield 1
        yield 2

    @session(lambda call: call["name"], mode="nest")
    def fails(name):
        raise LookupError

    with instrumented() as recording:
        assert list(steps()) == [1, 2]
        next(left := steps())
        left.close()
        with pytest.raises(LookupError):
            fails("failing")
    assert [(span["attributes"]["session.id"], span["status"][0]) for span in recording.spans] == [
        ("generator", "UNSET"),
        ("generator", "UNSET"),
        ("failing", "ERROR"),
    ]


# Arguments of the call


class Customer:
    id = "acme"


@session(
    lambda call: call["conversation"],
    entity_type="customer",
    entity_id=lambda call: call["customer"].id,
    tags=lambda call: {"feature": call["feature"]},
)
def chat(customer, conversation, *, feature="chat"):
    return identity_in()


def test_arguments_of_the_call_say_whose_it_is():
    assert chat(Customer(), "conv-1") == ACME
    assert chat(conversation="conv-1", customer=Customer(), feature="chat") == ACME
    assert chat(Customer(), 2, feature="help") == ACME._replace(session_id="2", tags={"feature": "help"})


def test_a_function_of_the_arguments_may_have_nothing_to_say():
    with session("outer", entity_id="7"):
        assert chat(Customer(), None) == ACME._replace(session_id="outer")


def test_all_kinds_of_functions_know_their_arguments():
    of_call = session(itemgetter("conversation"))

    @of_call
    def generator(conversation):
        yield identity_in()

    @of_call
    async def coroutine(conversation):
        return identity_in()

    @of_call
    async def async_generator(conversation):
        yield identity_in()

    async def asynchronous():
        return [await coroutine("a"), *[item async for item in async_generator("a")]]

    assert [*generator("a"), *asyncio.run(asynchronous())] == [IN_A, IN_A, IN_A]


def test_what_does_not_fit_is_the_functions_own_to_refuse():
    with pytest.raises(TypeError, match=r"chat\(\) missing 1 required positional argument: 'conversation'"):
        chat(Customer())


def test_a_wrong_value_is_refused_as_in_a_block():
    with pytest.raises(ValueError, match=r"^session_id must not be empty$"):
        chat(Customer(), "")


def test_a_fixed_value_is_checked_at_once():
    with pytest.raises(TypeError, match=r"^entity_type must be a str, not int$"):
        session(lambda call: call["conversation"], entity_type=7)


def test_a_block_has_no_arguments_to_ask():
    with pytest.raises(TypeError, match=r"for a decorator$"), session(lambda call: "a"):
        pass
    assert identity_in() == NOBODY
