"""Responses that were asked for in the background: who asked, until somebody fetches them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import NamedTuple

from infraprism import semconv
from infraprism.openai import billed
from infraprism.openai.response import Reply
from infraprism.pricing import Usage
from infraprism.sessions import Identity

#: Responses remembered; beyond that the one created longest ago is forgotten.
_REMEMBERED = 16_384


class Origin(NamedTuple):
    """What the request that created a response said."""

    identity: Identity
    model: str | None


_lock = threading.Lock()
_origins: OrderedDict[str, Origin] = OrderedDict()


def created(
    reply: Reply, usage: Usage | None, identity: Identity, model: str | None, *, streamed: bool
) -> bool:
    """Take note of a response as its create call ends; whether its usage is still to be fetched.

    One that came with its usage is billed by that call, and never again by who fetches it.
    """
    if reply.id is None:
        return False
    if usage is not None:
        billed.note(reply.id)
        return False
    # A stream that breaks off leaves any response unfinished; only one in the background goes on without it.
    if not unfinished(reply) or (streamed and not reply.background):
        return False
    with _lock:
        _origins[reply.id] = Origin(identity, model)
        if len(_origins) > _REMEMBERED:
            _origins.popitem(last=False)
    return True


def unfinished(reply: Reply) -> bool:
    """Whether the response is still being made."""
    reasons = reply.finish_reasons
    return reasons is not None and reasons.get(0) in semconv.PENDING_REASONS


def origin_of(response_id: str) -> Origin | None:
    """Who asked for a response that is still to be fetched; None where this process did not."""
    return _origins.get(response_id)


def fetched(response_id: str) -> None:
    """Forget a response: it is billed."""
    with _lock:
        _origins.pop(response_id, None)


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
