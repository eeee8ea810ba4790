"""What is called: a method of a client with a model; what all such calls have in common is made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from infraprism import semconv
from infraprism.openai.providers import Server
from infraprism.openai.surfaces import Surface

#: Model names come from outside, so what is remembered of them is limited.
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A method of a client with a model; compared by identity."""

    surface: Surface
    server: Server
    model: str | None
    #: Name of the span, and the attributes it starts with.
    name: str
    attributes: dict[str, str | int]


@lru_cache(maxsize=_REMEMBERED)
def target_of(surface: Surface, server: Server, model: str | None) -> Target:
    """The target of a call."""
    attributes = _common(surface, server, model)
    if surface.api_type is not None:
        attributes[semconv.OPENAI_API_TYPE] = surface.api_type
    name = surface.operation if model is None else f"{surface.operation} {model}"
    return Target(surface, server, model, name, attributes)


@lru_cache(maxsize=_REMEMBERED)
def dimensions_of(target: Target, response_model: str | None, error_type: str | None) -> dict[str, str | int]:
    """The conventions' metric dimensions of a call; shared, not to be changed."""
    dimensions = _common(target.surface, target.server, target.model)
    if response_model is not None:
        dimensions[semconv.RESPONSE_MODEL] = response_model
    if error_type is not None:
        dimensions[semconv.ERROR_TYPE] = error_type
    return dimensions


@lru_cache(maxsize=_REMEMBERED)
def cost_dimensions_of(
    target: Target, currency: str, source: str, entity_type: str | None
) -> dict[str, str | int]:
    """The dimensions of a call's cost; shared, not to be changed."""
    dimensions = _common(target.surface, target.server, target.model)
    for name in (semconv.SERVER_ADDRESS, semconv.SERVER_PORT):
        del dimensions[name]
    dimensions[semconv.COST_CURRENCY] = currency
    dimensions[semconv.COST_SOURCE] = source
    if entity_type is not None:
        dimensions[semconv.ENTITY_TYPE] = entity_type
    return dimensions


def _common(surface: Surface, server: Server, model: str | None) -> dict[str, str | int]:
    common: dict[str, str | int] = {
        semconv.OPERATION_NAME: surface.operation,
        semconv.PROVIDER_NAME: server.provider,
        semconv.SERVER_ADDRESS: server.address,
        semconv.SERVER_PORT: server.port,
    }
    if model is not None:
        common[semconv.REQUEST_MODEL] = model
    return common
