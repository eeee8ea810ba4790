"""An export request, joined of bytes that are encoded already, and what the answer to one says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from infraprism_exporter_otlp.encoding import varint
from infraprism_exporter_otlp.segment_reader import Item

#: ResourceSpans in a request: field 1. ScopeSpans in a ResourceSpans: field 2. The same in logs.
_RESOURCE_TAG: Final = b"\x0a"
_SCOPE_TAG: Final = b"\x12"


class Rejected(NamedTuple):
    """What a server took a request without.

    Attributes:
        records: how many.
        message: what the server says about it.
    """

    records: int
    message: str


def join(items: Sequence[Item]) -> bytes:
    """The request with these items, each resource and each scope in it once."""
    resources: dict[bytes, dict[bytes, list[bytes]]] = {}
    for group, content, _ in items:
        resources.setdefault(group.resource, {}).setdefault(group.scope, []).append(content)
    request: list[bytes] = []
    for resource, scopes in resources.items():
        parts = [resource]
        for scope, contents in scopes.items():
            length = len(scope) + sum(map(len, contents))
            parts += (_SCOPE_TAG, varint(length), scope, *contents)
        request += (_RESOURCE_TAG, varint(sum(map(len, parts))), *parts)
    return b"".join(request)


def rejected(answer: bytes, *, of_logs: bool) -> Rejected:
    """What the body of a successful answer says was rejected; an answer that says nothing rejects nothing."""
    try:
        if of_logs:
            partial = ExportLogsServiceResponse.FromString(answer).partial_success
            return Rejected(max(partial.rejected_log_records, 0), partial.error_message)
        said = ExportTraceServiceResponse.FromString(answer).partial_success
        return Rejected(max(said.rejected_spans, 0), said.error_message)
    except DecodeError:
        return Rejected(0, "")
