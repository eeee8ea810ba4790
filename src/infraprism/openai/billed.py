"""Which responses this process has billed, so that fetching one again never bills it again.

A request that generates is billed whatever id its response has: a cache or a gateway may answer two of them
with one id. What only fetches (a retrieved response, a downloaded batch, a resumed stream) asks here first.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

#: Ids remembered; beyond that the one seen longest ago is forgotten.
_REMEMBERED = 16_384

_lock = threading.Lock()
_ids: OrderedDict[str, None] = OrderedDict()


def note(response_id: str) -> bool:
    """Note that a response is billed; False where it was already."""
    with _lock:
        known = response_id in _ids
        _ids[response_id] = None
        _ids.move_to_end(response_id)
        if len(_ids) > _REMEMBERED:
            _ids.popitem(last=False)
    return not known


def known(response_id: str) -> bool:
    """Whether a response has been billed."""
    return response_id in _ids


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
