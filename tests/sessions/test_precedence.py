"""Whatever the doors and however they nest: the inner one wins, arguments win over all, tags of all apply."""

from contextlib import ExitStack, contextmanager
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry import context as otel_context

from infraprism import Session, session, settings
from infraprism.sessions import (
    NOBODY,
    Identity,
    attributes,
    from_environment,
    identify,
    identity_in,
)
from infraprism.sessions.http import Header, WSGISessions

TAGS = "xyz"
names = st.sampled_from(["a", "b", "c"])
maybe = st.none() | names
identities = st.builds(Identity, maybe, maybe, maybe, st.dictionaries(st.sampled_from(TAGS), names))


def arguments(identity):
    return {name: value for name, value in identity._asdict().items() if value}


def inside_of_block(identity, then):
    with session(**arguments(identity)):
        return then()


def inside_of_object(identity, then):
    with Session(**arguments(identity)):
        return then()


def inside_of_function(identity, then):
    return session(**arguments(identity))(then)()


def inside_of_arguments(identity, then):
    given = {name: lambda call, name=name: call["who"][name] for name in arguments(identity)}

    @session(**given)
    def function(who):
        return then()

    return function(arguments(identity))


def inside_of_generator(identity, then):
    @session(**arguments(identity))
    def generator():
        yield then()

    return next(generator())


def inside_of_request(identity, then):
    sources = {name: Header(name) for name in arguments(identity) if name != "tags"}
    environ = {f"HTTP_{name.upper()}": value for name, value in arguments(identity).items() if name != "tags"}
    tags = {key: Header(f"tag-{key}") for key in identity.tags}
    environ |= {f"HTTP_TAG_{key.upper()}": value for key, value in identity.tags.items()}
    (found,) = WSGISessions(lambda environ, start_response: [then()], **sources, tags=tags)(environ, None)
    return found


DOORS = [
    inside_of_block,
    inside_of_object,
    inside_of_function,
    inside_of_arguments,
    inside_of_generator,
    inside_of_request,
]


@contextmanager
def outermost(environment, in_baggage):
    """A process with this environment, in a request with this baggage."""
    with pytest.MonkeyPatch.context() as monkeypatch, ExitStack() as stack:
        stack.callback(settings.current.cache_clear)
        stack.callback(from_environment.cache_clear)
        for name in ("session_id", "entity_type", "entity_id"):
            if value := getattr(environment, name):
                monkeypatch.setenv(f"INFRAPRISM_{name.upper()}", value)
        monkeypatch.setenv("INFRAPRISM_TAGS", ",".join(f"{k}={v}" for k, v in environment.tags.items()))
        keys = ["infraprism.session.id", "infraprism.entity.type", "infraprism.entity.id"]
        monkeypatch.setenv("INFRAPRISM_BAGGAGE", ",".join([*keys, *(f"infraprism.tag.{t}" for t in TAGS)]))
        settings.current.cache_clear()
        from_environment.cache_clear()
        context = otel_context.get_current()
        for key, value in attributes(in_baggage).items():
            key = {"session.id": "infraprism.session.id"}.get(key, key)
            context = baggage.set_baggage(key, value, context)
        token = otel_context.attach(context)
        stack.callback(otel_context.detach, token)
        yield


@given(
    identities, identities, st.lists(st.tuples(st.sampled_from(DOORS), identities), max_size=5), identities
)
def test_the_inner_one_wins_arguments_win_over_all_and_tags_of_all_apply(
    environment, in_baggage, layers, call
):
    def enter(layers):
        if not layers:
            return identify(*call).inside(identity_in())  # as a call does
        (door, identity), *inner = layers
        if door is inside_of_object and identity.session_id is None:
            identity = identity._replace(session_id="its own")
        return door(identity, lambda: enter(inner))

    with outermost(environment, in_baggage):
        found = enter(layers)
    given = [
        identity._replace(session_id="its own")
        if door is inside_of_object and identity.session_id is None
        else identity
        for door, identity in layers
    ]
    from_outside_in = [environment, in_baggage, *given, call]
    assert found == reduce(lambda outer, inner: inner.inside(outer), from_outside_in, NOBODY)
    said = [identity.session_id for identity in from_outside_in if identity.session_id is not None]
    assert found.session_id == (said[-1] if said else None)
    assert found.tags == {key: value for identity in from_outside_in for key, value in identity.tags.items()}
