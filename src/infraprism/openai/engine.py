"""Starts calls: whose it is, which tracer, which trace, and what is known before the request goes out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import TracerProvider

from infraprism import guard, semconv, sessions, settings
from infraprism.openai import budget, loading, request, spans, stream_usage
from infraprism.openai.call import Call
from infraprism.openai.content import Content
from infraprism.openai.late import Place
from infraprism.openai.metrics import Metrics
from infraprism.openai.observer import Observer
from infraprism.openai.providers import server_of
from infraprism.openai.surfaces import Surface
from infraprism.openai.target import target_of
from infraprism.pricing import money

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider

    from infraprism.tracing import Connection


class Engine:
    """What the instrumented methods share: for which clients it works, and with which providers.

    Attributes:
        all_clients: every `openai` client is instrumented, not only the drop-in ones.
    """

    def __init__(self) -> None:
        self.all_clients = False
        self._tracer_provider: TracerProvider | None = None
        self._meter_provider: MeterProvider | None = None
        self._logger_provider: LoggerProvider | None = None
        self._metrics: Metrics | None = None
        self._connections: dict[bool, tuple[TracerProvider, Connection]] = {}

    def configure(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
    ) -> None:
        """Use these providers; None means the global one, whenever it is set."""
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._logger_provider = logger_provider
        self._metrics = None
        self._connections = {}

    def serves(self, resource: Any) -> bool:
        """Whether calls of this resource's client are to be instrumented."""
        return self.all_clients or _is_drop_in(resource)

    def begin(
        self, surface: Surface, resource: Any, arguments: dict[str, Any], *, asks: bool = True
    ) -> Observer | None:
        """Start a call; its context is attached until `Call.leave`.

        The session arguments are taken off `arguments` in any case. None where nothing is to be recorded:
        instrumentation is suppressed, or the application has no tracer provider. `asks`: waits for what the
        collector says of shared budgets.

        Raises:
            TypeError, ValueError: a session argument is wrong; the message names it.
            BudgetExceededError: a budget refuses the call.
        """
        given = _given(arguments)
        if surface.begins is None:
            call = self._start(surface, resource, arguments, given)
            return call if call is None or call.hold is None else budget.admitted(call, asks=asks)
        place = self._place(resource, given)
        return None if place is None else surface.begins(surface, place, arguments)

    async def begin_async(
        self, surface: Surface, resource: Any, arguments: dict[str, Any]
    ) -> Observer | None:
        """The same without holding up the event loop."""
        call = self.begin(surface, resource, arguments, asks=False)
        hold: sessions.Hold | None = getattr(call, "hold", None)
        return call if hold is None or not hold.shared else await budget.answered(cast(Call, call), hold)

    def begin_in(
        self, context: Context, surface: Surface, resource: Any, arguments: dict[str, Any], *, ago: float
    ) -> Call | None:
        """Start a call in `context` instead of in the current one, and attach nothing; else as `begin`.

        `ago`: seconds that have passed since it began.
        """
        return self._start(surface, resource, arguments, _given(arguments), context, ago)

    def place(self, resource: Any, arguments: dict[str, Any]) -> Place | None:
        """Where something is asked for that is no call, but whose answer may tell of calls.

        Takes the session arguments off, raises, and gives None as `begin` does.
        """
        return self._place(resource, _given(arguments))

    @guard.guarded("telemetry_error")
    def _place(self, resource: Any, given: sessions.Identity) -> Place | None:
        context = otel_context.get_current()
        connection = self._connect(own_export=_is_drop_in(resource)) if is_instrumentation_enabled() else None
        if connection is None:
            return None
        if self._metrics is None:
            self._metrics = Metrics(self._meter_provider)
            loading.start()
        identity = given.inside(sessions.identity_in(context))
        context = sessions.with_identity(identity, context)
        return Place(server_of(resource._client), identity, context, connection, self._metrics)

    @guard.guarded("telemetry_error")
    def _start(
        self,
        surface: Surface,
        resource: Any,
        arguments: dict[str, Any],
        given: sessions.Identity,
        elsewhere: Context | None = None,
        ago: float = 0.0,
    ) -> Call | None:
        context = otel_context.get_current()
        if context and not is_instrumentation_enabled():  # nothing suppresses in an empty context
            return None
        if elsewhere is not None:
            context = elsewhere
        connection = self._connect(own_export=_is_drop_in(resource))
        if connection is None:
            if sessions.keeper.budgets:
                budget.unrecorded()
            return None
        metrics = self._metrics
        if metrics is None:
            metrics = self._metrics = Metrics(self._meter_provider)
            loading.start()
        identity = given.inside(sessions.identity_in(context))
        target = target_of(surface, server_of(resource._client), request.model(arguments))
        attributes: dict[str, Any] = {
            **target.attributes,
            **sessions.attributes(identity),
            **request.read(surface.request, arguments),
        }
        if given is not sessions.NOBODY:
            context = sessions.with_identity(identity, context)
        start_time = time.time_ns() - int(ago * 1e9) if ago else None
        span = spans.start(connection, target, identity, context, attributes, start_time)
        hold = None
        try:
            if sessions.keeper.budgets and elsewhere is None:
                hold = budget.hold(target, identity, arguments)
            asked, known = None, settings.current()
            if surface.usage_option and arguments.get("stream") is True and known.stream_usage:
                asked = stream_usage.ask(target.server, arguments)
            inside = None if elsewhere is not None else trace.set_span_in_context(span, context)
            content = Content(arguments) if known.capture_content and span.is_recording() else None
            return Call(
                target, identity, span, inside, connection, metrics, arguments, asked, ago, content, hold
            )
        except BaseException:
            if hold is not None:
                budget.settle(hold, identity, None)
            span.end()
            raise

    def _connect(self, *, own_export: bool) -> Connection | None:
        """The connection to the provider that is in force now, made the first time it is seen.

        `own_export`: export to the local collector where the application has no provider.
        """
        provider = self._tracer_provider or trace.get_tracer_provider()
        made = self._connections.get(own_export)
        if made is not None and made[0] is provider:
            return made[1]
        if isinstance(provider, trace.ProxyTracerProvider) and not own_export:
            return None  # no provider yet: no reason to load the SDK
        with loading.once_at_a_time():
            made = self._connections.get(own_export)
            if made is not None and made[0] is provider:
                return made[1]
            try:
                from infraprism.tracing import connect
            except ImportError:
                guard.drop("no_sdk", "nothing is recorded: install the extra 'sdk' of infraprism")
                return None
            connection = connect(provider, self._logger_provider, self._meter_provider, own_export=own_export)
            self._connections[own_export] = (provider, connection)
            return connection

    def recorder(self, *, own_export: bool) -> sessions.Recorder | None:
        """What records the sessions whose calls are recorded; None where nothing is.

        `own_export`: there are drop-in clients.
        """
        connection = self._connect(own_export=own_export) if is_instrumentation_enabled() else None
        if connection is None:
            return None
        ledger = connection.ledger

        def totals(identity: sessions.Identity) -> dict[str, str | int]:
            total = ledger[identity.entity_type, identity.entity_id, identity.session_id or ""]
            # Nothing is no total: the session's calls may have been made elsewhere.
            if total.floor or not (total.cost or total.turns):
                return {}
            return {semconv.SESSION_COST: money.text(total.cost), semconv.SESSION_TURNS: total.turns}

        return sessions.Recorder(connection.sessions_tracer, totals)

    @guard.guarded("telemetry_error")
    def attach(self) -> None:
        """Attach to the provider in force, without waiting for the first call."""
        self._connect(own_export=False)


def _given(arguments: dict[str, Any]) -> sessions.Identity:
    take = arguments.pop
    return sessions.identify(
        take("session_id", None), take("entity_type", None), take("entity_id", None), take("tags", None)
    )


def _is_drop_in(resource: Any) -> bool:
    return getattr(getattr(resource, "_client", None), "infraprism_drop_in", False) is True


#: The process's engine: the client's methods are patched once, whoever asks for it.
engine = Engine()
