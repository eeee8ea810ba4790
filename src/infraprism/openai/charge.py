"""What a call costs: where its surface, its server and its reply are known, and its usage."""

from __future__ import annotations

from datetime import datetime

from infraprism.openai.providers import Server
from infraprism.openai.response import Reply
from infraprism.openai.surfaces import Surface
from infraprism.pricing import FREE, Cost, Usage, price
from infraprism.sessions import Identity

#: Who charges nothing for what is free at OpenAI.
_FREE_AT = ("openai", "azure.ai.openai")


def cost_of(
    surface: Surface,
    server: Server,
    identity: Identity,
    reply: Reply,
    usage: Usage | None,
    *,
    asked_model: str | None,
    at: datetime,
    batch: bool = False,
    asked_tier: str | None = None,
) -> Cost:
    """The cost of a call that is billed.

    Args:
        usage: what was reported or estimated; None gives an unpriced cost.
        asked_model: the requested model, for a reply that does not say which one served it.
        at: when the request was made (aware).
        batch: whether it was one of a batch.
        asked_tier: the requested tier, for a reply that broke off before it said which one served it.
    """
    provider = server.provider
    served_tier = reply.service_tier
    if asked_tier is not None and served_tier in (None, "auto"):
        served_tier = asked_tier
    if surface.free and provider in _FREE_AT:
        return FREE
    return price(
        usage,
        provider=surface.listed_under if surface.listed_under and provider == "openai" else provider,
        model=reply.model or asked_model,
        service_tier=served_tier,
        at=at,
        batch=batch,
        entity=identity.entity,
    )


def is_billed(reply: Reply, error: Exception | None, *, unsent: bool) -> bool:
    """Whether a call without any usage may have cost something: the API took the request.

    Args:
        error: what the caller is about to see; None where nothing failed, or the call was cancelled.
        unsent: whether the request did not leave, as far as can be told from the error.
    """
    return not (
        reply.refused
        or isinstance(error, TypeError)
        or (unsent and error is not None)  # one that was cancelled may have been sent
        or type(getattr(error, "status_code", None)) is int
    )
