"""Starts calls: whose it is, which tracer, which trace, and what is known before the request goes out."""

from __future__ import annotations

from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import SpanKind, Tracer, TracerProvider

from infraprism import __version__, guard, semconv, sessions
from infraprism.openai import request
from infraprism.openai.call import Call
from infraprism.openai.metrics import Metrics
from infraprism.openai.providers import server_of
from infraprism.openai.surfaces import Surface

_IN_CALL = otel_context.create_key("infraprism.in_call")
_IDENTITY_ARGUMENTS = ("session_id", "entity_type", "entity_id", "tags")


class Engine:
    """What the instrumented methods share: for which clients it works, and with which providers.

    Attributes:
        all_clients: every `openai` client is instrumented, not only the drop-in ones.
    """

    def __init__(self) -> None:
        self.all_clients = False
        self._tracer_provider: TracerProvider | None = None
        self._tracers: dict[bool, tuple[TracerProvider, Tracer]] = {}
        self._metrics: Metrics | None = None
        self._meter_provider: MeterProvider | None = None

    def configure(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        """Use these providers; None means the global one, whenever it is set."""
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._metrics = None
        self._tracers = {}

    def serves(self, resource: Any) -> bool:
        """Whether calls of this resource's client are to be instrumented."""
        return self.all_clients or _is_drop_in(resource)

    def begin(self, surface: Surface, resource: Any, arguments: dict[str, Any]) -> Call | None:
        """Start a call; its context is attached until `Call.leave`.

        The session arguments are taken off `arguments` in any case. None where nothing is to be recorded:
        instrumentation is suppressed, or another call encloses this one.

        Raises:
            TypeError, ValueError: a session argument is wrong; the message names it.
        """
        return self._start(surface, resource, arguments, sessions.identify(**take_identity(arguments)))

    @guard.guarded("telemetry_error")
    def _start(
        self, surface: Surface, resource: Any, arguments: dict[str, Any], given: sessions.Identity
    ) -> Call | None:
        context = otel_context.get_current()
        if _IN_CALL in context or not is_instrumentation_enabled():
            return None
        identity = given.inside(sessions.identity_in(context))
        context = otel_context.set_value(_IN_CALL, True, sessions.with_identity(identity, context))
        model = request.model(arguments)
        server = server_of(resource._client)
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: surface.operation,
            semconv.PROVIDER_NAME: server.provider,
            semconv.SERVER_ADDRESS: server.address,
            semconv.SERVER_PORT: server.port,
            **sessions.attributes(identity),
        }
        if model is not None:
            attributes[semconv.REQUEST_MODEL] = model
        if surface.api_type is not None:
            attributes[semconv.OPENAI_API_TYPE] = surface.api_type
        if request.streamed(arguments):
            attributes[semconv.REQUEST_STREAM] = True
        attributes.update(surface.request(arguments))
        tracer = self.tracer(own_export=_is_drop_in(resource))
        enclosed = trace.get_current_span(context).get_span_context().is_valid
        sessions.starting.trace_id = None if enclosed else sessions.trace_id_of(identity)
        try:
            span = tracer.start_span(
                surface.operation if model is None else f"{surface.operation} {model}",
                context=context,
                kind=SpanKind.CLIENT,
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            )
        finally:
            sessions.starting.trace_id = None
        metrics = self._metrics
        if metrics is None:
            metrics = self._metrics = Metrics(self._meter_provider)
        token = otel_context.attach(trace.set_span_in_context(span, context))
        return Call(surface, span, token, identity, model, server, metrics)

    def tracer(self, *, own_export: bool) -> Tracer:
        """The tracer of the provider that is in force now, made ready the first time it is seen.

        `own_export`: export to the local collector where the application has no provider.
        """
        provider = self._tracer_provider or trace.get_tracer_provider()
        remembered = self._tracers.get(own_export)
        if remembered is not None and remembered[0] is provider:
            return remembered[1]
        if isinstance(provider, trace.ProxyTracerProvider) and not own_export:
            tracer = _plain_tracer(provider)  # no provider yet: no reason to load the SDK
        else:
            tracer = _ready_tracer(provider, own_export=own_export)
        self._tracers[own_export] = (provider, tracer)
        return tracer

    @guard.guarded("telemetry_error")
    def attach(self) -> None:
        """Attach the processor to the provider in force, without waiting for the first call."""
        self.tracer(own_export=False)


def _ready_tracer(provider: TracerProvider, *, own_export: bool) -> Tracer:
    try:
        from infraprism.tracing import tracer_of
    except ImportError:  # the SDK is not installed: spans go nowhere
        return _plain_tracer(provider)
    return tracer_of(provider, own_export=own_export)


def _plain_tracer(provider: TracerProvider) -> Tracer:
    return provider.get_tracer(semconv.SCOPE, __version__, schema_url=semconv.SCHEMA_URL)


def take_identity(arguments: dict[str, Any]) -> dict[str, Any]:
    """Take the session arguments off a method's keyword arguments."""
    return {name: arguments.pop(name) for name in _IDENTITY_ARGUMENTS if name in arguments}


def _is_drop_in(resource: Any) -> bool:
    return getattr(resource._client, "infraprism_drop_in", False) is True


#: The process's engine: the client's methods are patched once, whoever asks for it.
engine = Engine()
