"""Puts the shells around the client's methods, when and where its modules are loaded."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType
from typing import Any

import wrapt

from infraprism import guard, price_file, sessions
from infraprism.openai import batches, fetched, loading, outbound, transport, websockets
from infraprism.openai.engine import engine
from infraprism.openai.layers import Layer
from infraprism.openai.shells import Shell, async_shell, helper_shell, sync_shell
from infraprism.openai.surfaces import HELPERS, SURFACES

_wanted = False
_for_good = False
_hooked = False
_layers: list[Layer] = []


def install(*, for_good: bool = False) -> None:
    """Patch the client's methods: at once in modules that are loaded, in others as they load.

    `for_good`: a drop-in client needs it, whatever becomes of the instrumentation of all clients.
    """
    global _for_good, _hooked, _wanted
    _for_good = _for_good or for_good
    if _wanted:
        return
    _wanted = True
    price_file.start()
    sessions.on_entering(_attach)
    sessions.record_through(_recorder)
    for module, target, shell in _targets():
        if not _hooked:
            wrapt.register_post_import_hook(partial(_patch, target, shell), module)
        elif (loaded := sys.modules.get(module)) is not None:
            _patch(target, shell, loaded)
    if not _hooked:
        wrapt.register_post_import_hook(loading.before_calls, "openai")
    _hooked = True


def remove() -> None:
    """Give the client its own methods back, unless they are patched for good."""
    global _wanted
    if _for_good:
        return
    _wanted = False
    while _layers:
        _layers.pop().take_off()


def _attach() -> None:
    if _wanted:
        engine.attach()


def _recorder() -> sessions.Recorder | None:
    return engine.recorder(own_export=_for_good) if _wanted else None


def _targets() -> list[tuple[str, str, Shell]]:
    targets: list[tuple[str, str, Shell]] = []
    for surface in (*SURFACES, *fetched.SURFACES):
        name = f"{surface.resource}.{surface.method}"
        targets.append((surface.module, name, sync_shell(engine, surface)))
        targets.append((surface.module, f"Async{name}", async_shell(engine, surface)))
    for module, name, shell in batches.shells(engine):
        targets += [(module, name, shell), (module, f"Async{name}", shell)]
    for helper in HELPERS:
        for prefix in ("", "Async"):
            name = f"{prefix}{helper.resource}.{helper.method}"
            targets.append((helper.module, name, helper_shell(engine)))
    targets += [(transport.MODULE, method, transport.shell) for method in transport.METHODS]
    targets += [(outbound.MODULE, method, shell) for method, shell in outbound.SHELLS.items()]
    targets += websockets.targets(engine)
    return targets


@guard.guarded("not_instrumented")
def _patch(target: str, shell: Shell, module: ModuleType) -> None:
    resource, _, method = target.partition(".")
    owner: Any = getattr(module, resource, None)
    # What this version of the client does not have, nobody can call.
    if _wanted and hasattr(owner, method):
        _layers.append(Layer.put_on(owner, method, shell))
