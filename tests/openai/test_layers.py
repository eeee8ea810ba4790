"""Taken off in any order with other libraries' wrappers: nothing of ours runs, nothing of theirs is lost."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import wrapt
from openai import AsyncOpenAI, OpenAI
from openai.resources.chat.completions import AsyncCompletions, Completions
from opentelemetry.instrumentation.utils import suppress_instrumentation, unwrap
from simulated_openai import SimulatedOpenAI

from infraprism import InfraPrismInstrumentor
from infraprism.openai import layers as ours_layers
from infraprism.openai import patch
from tests.support.calls import API_KEY, Recording
from tests.support.versions import chat_helpers

MESSAGES: Any = [{"role": "user", "content": "Give me an example."}]


def ask(client: OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)


@pytest.fixture
def bare(api: SimulatedOpenAI) -> Iterator[OpenAI]:
    """A client of the simulated API that nobody has instrumented."""
    with OpenAI(base_url=api.base_url, api_key=API_KEY, max_retries=0) as client:
        yield client


class Ours:
    """The instrumentation, on one tracer provider all the time."""

    def __init__(self) -> None:
        self.recording = Recording()

    def on(self) -> None:
        InfraPrismInstrumentor().instrument(
            tracer_provider=self.recording.tracer_provider, meter_provider=self.recording.meter_provider
        )

    def off(self) -> None:
        InfraPrismInstrumentor().uninstrument()

    def asked(self, what: Callable[[], Any]) -> list[str]:
        """The scopes of the spans that come of it: ``infraprism.openai`` is ours."""
        before = len(self.recording.spans)
        what()
        return [span["scope"]["name"] for span in self.recording.spans[before:]]


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ours]:
    monkeypatch.setattr(patch, "_for_good", False)  # by a drop-in client of another test
    patch.remove()
    own = vars(Completions)["create"]
    ours = Ours()
    yield ours
    if InfraPrismInstrumentor().is_instrumented_by_opentelemetry:
        ours.off()
    setattr(Completions, "create", own)  # noqa: B010 - a method is assigned to


class Theirs:
    """Another instrumentation, made as OpenTelemetry's are: wrapt to put on, `unwrap` to take off."""

    def __init__(self, recording: Recording) -> None:
        self._tracer = recording.tracer_provider.get_tracer("theirs")

    def on(self) -> None:
        wrapt.wrap_function_wrapper(Completions, "create", self._call)

    def off(self) -> None:
        unwrap(Completions, "create")

    def _call(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        with self._tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
            return wrapped(*args, **kwargs)


OURS, THEIRS = "infraprism.openai", "theirs"
ORDERS = [
    order
    for order in itertools.permutations(("ours on", "theirs on", "ours off", "theirs off"))
    if order.index("ours on") < order.index("ours off")
    and order.index("theirs on") < order.index("theirs off")
    # Their `unwrap` then finds no wrapper of theirs on top, and lets everything be.
    and order != ("theirs on", "ours on", "theirs off", "ours off")
]


@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
def test_each_is_there_while_it_is_on_and_the_call_is_counted_once(
    ours: Ours, bare: OpenAI, order: tuple[str, ...]
) -> None:
    own = vars(Completions)["create"]
    theirs = Theirs(ours.recording)
    on = set()
    for step in order:
        who, _, what = step.partition(" ")
        getattr(ours if who == "ours" else theirs, what)()
        scope = OURS if who == "ours" else THEIRS
        on ^= {scope}
        before = len(ours.recording.spans)
        assert set(ours.asked(lambda: ask(bare))) == on
        spans = ours.recording.spans[before:]
        assert len(spans) == len(on)
        if len(on) == 2:
            marks = {s["scope"]["name"]: s["attributes"].get("infraprism.cost.counted_in") for s in spans}
            (call,) = [span["span_id"] for span in spans if span["scope"]["name"] == OURS]
            assert marks == {OURS: None, THEIRS: f"{call:016x}"}
    assert vars(Completions)["create"] is own


def test_their_way_of_unwrapping_does_not_throw_ours_away(ours: Ours, bare: OpenAI) -> None:
    theirs = Theirs(ours.recording)
    theirs.on()
    ours.on()
    theirs.off()
    assert OURS in ours.asked(lambda: ask(bare))
    ours.off()
    assert ours.asked(lambda: ask(bare)) == [THEIRS]  # is what they left


def test_wrappers_below_and_on_top_stay(ours: Ours, bare: OpenAI) -> None:
    below, above = Theirs(ours.recording), Theirs(ours.recording)
    below.on()
    ours.on()
    above.on()
    assert ours.asked(lambda: ask(bare)) == [THEIRS, OURS, THEIRS]
    ours.off()
    assert ours.asked(lambda: ask(bare)) == [THEIRS, THEIRS]


def plain(method: Any) -> Any:
    return lambda self, *args, **kwargs: method(self, *args, **kwargs)


def known(method: Any) -> Any:
    return functools.wraps(method)(plain(method))


def layers(method: Any) -> int:
    """How many layers of ours a call of a function goes through."""
    found, todo, seen = 0, [method], set()
    while todo:
        function = todo.pop()
        if id(function) in seen or not inspect.isfunction(function):
            continue
        seen.add(id(function))
        found += function.__code__.co_filename == ours_layers.__file__
        todo += [cell.cell_contents for cell in function.__closure__ or ()]
    return found


@pytest.mark.parametrize("around", [plain, known])
def test_a_wrapper_that_does_not_let_go(ours: Ours, bare: OpenAI, around: Callable[[Any], Any]) -> None:
    """Whatever is put around a layer by hand keeps it: it is switched off, and never doubled."""
    ours.on()
    setattr(Completions, "create", around(vars(Completions)["create"]))  # noqa: B010 - a method is assigned to
    theirs = vars(Completions)["create"]
    for _ in range(5):
        assert ours.asked(lambda: ask(bare)) == [OURS]
        ours.off()
        assert ours.asked(lambda: ask(bare)) == []
        assert vars(Completions)["create"] is theirs
        assert layers(theirs) == 1
        ours.on()


def test_what_restores_a_layer_restores_one_that_works(ours: Ours, bare: OpenAI) -> None:
    """A test replaces the method while the instrumentation is on, and puts it back when it is off."""
    own = vars(Completions)["create"]
    ours.on()
    layer = vars(Completions)["create"]
    with pytest.MonkeyPatch.context() as test:
        test.setattr(Completions, "create", plain(own))
        ours.off()
    assert vars(Completions)["create"] is layer
    assert ours.asked(lambda: ask(bare)) == []
    ours.on()
    assert vars(Completions)["create"] is layer
    assert ours.asked(lambda: ask(bare)) == [OURS]
    ours.off()
    assert vars(Completions)["create"] is own


def test_what_was_bound_before_stops_and_starts_again(ours: Ours, bare: OpenAI) -> None:
    ours.on()
    kept = {
        "a method": bare.chat.completions.create,
        "a raw method": bare.chat.completions.with_raw_response.create,
        "a helper": lambda **arguments: [*chat_helpers(bare).stream(**arguments).__enter__()],
    }
    asking = [lambda f=f: f(model="gpt-4o-mini", messages=MESSAGES) for f in kept.values()]
    assert [ours.asked(one) for one in asking] == [[OURS]] * 3
    ours.off()
    assert [ours.asked(one) for one in asking] == [[]] * 3
    with pytest.raises(TypeError, match="session_id"):
        kept["a method"](model="gpt-4o-mini", messages=MESSAGES, session_id="s-1")  # type: ignore[operator]
    ours.on()
    assert [ours.asked(one) for one in asking] == [[OURS]] * 3


async def test_async_methods_come_off_too(ours: Ours, api: SimulatedOpenAI) -> None:
    own = vars(AsyncCompletions)["create"]
    async with AsyncOpenAI(base_url=api.base_url, api_key=API_KEY) as client:
        ours.on()
        kept = client.chat.completions.create
        await kept(model="gpt-4o-mini", messages=MESSAGES)
        ours.off()
        await kept(model="gpt-4o-mini", messages=MESSAGES)
    assert len(ours.recording.spans) == 1
    assert vars(AsyncCompletions)["create"] is own


def test_a_stream_that_was_open_ends_its_call(ours: Ours, bare: OpenAI) -> None:
    ours.on()
    stream = bare.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
    ours.off()
    assert ours.asked(lambda: list(stream)) == [OURS]


def test_cycles_leave_nothing_behind(ours: Ours) -> None:
    own = vars(Completions)["create"]
    for _ in range(10):
        ours.on()
        assert layers(vars(Completions)["create"]) == 1
        ours.off()
    assert vars(Completions)["create"] is own
    assert patch._layers == []


def test_suppressed_instrumentation_is_honoured(ours: Ours, bare: OpenAI) -> None:
    ours.on()
    with suppress_instrumentation():
        assert ours.asked(lambda: ask(bare)) == []
    assert ours.asked(lambda: ask(bare)) == [OURS]
