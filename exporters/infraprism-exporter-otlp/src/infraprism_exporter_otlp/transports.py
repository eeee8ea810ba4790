"""Chooses how requests go out."""

from __future__ import annotations

from infraprism_exporter_otlp.http_transport import HttpTransport
from infraprism_exporter_otlp.sender import Transport
from infraprism_exporter_otlp.settings import Settings


def transport(settings: Settings) -> Transport:
    """Of the protocol that the settings name. Raises `ValueError` where it cannot be had."""
    if settings.protocol == "grpc":
        try:
            from infraprism_exporter_otlp.grpc_transport import GrpcTransport
        except ImportError as error:
            raise ValueError("grpc needs the extra: pip install 'infraprism-exporter-otlp[grpc]'") from error
        return GrpcTransport(settings)
    return HttpTransport(settings)
