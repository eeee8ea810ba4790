"""Bodies of OTLP over HTTP: what a request says, and how its answers are spelt. Protobuf and JSON."""

from __future__ import annotations

from enum import Enum
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from infraprism.collector.ingest import otlp_json, pieces
from infraprism.collector.ingest.bodies import TooLargeError
from infraprism.collector.ingest.calls import Batch
from infraprism.collector.ingest.heads import RejectedError
from infraprism.collector.ingest.otlp_json import UndecodableError
from infraprism.collector.ingest.signals import Signal
from infraprism.collector.ingest.spans import service_name_of

#: Decompressed. Decoded it takes thirty times its size, where it is made of empty objects.
MAX_JSON_BYTES: Final = 8 * 2**20


class Format(Enum):
    """The two encodings of OTLP over HTTP, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def decode(body: bytes, form: Format, signal: Signal) -> Batch:
    """The rows that the request in `body` brings. Raises `UndecodableError`, `TooLargeError`."""
    try:
        return _decode_json(body, signal) if form is Format.JSON else _decode_protobuf(body, signal)
    except pieces.TooManyError as error:
        raise TooLargeError(str(error)) from None


def _decode_json(body: bytes, signal: Signal) -> Batch:
    if len(body) > MAX_JSON_BYTES:
        raise TooLargeError(f"the body is larger than {MAX_JSON_BYTES} bytes of JSON")
    request, malformed = otlp_json.decode(body, signal.request)
    batch = signal.read(request)
    for field in malformed:
        batch.reject(RejectedError("malformed", field))
    return batch


def _decode_protobuf(body: bytes, signal: Signal) -> Batch:
    batch = Batch()
    service_of: tuple[bytes, str | None] = (b"", None)
    try:
        for resource, item in pieces.split(body):
            if resource != service_of[0]:
                service_of = resource, service_name_of(Resource.FromString(resource))
            if len(item) > pieces.MAX_ITEM_BYTES:
                batch.reject(RejectedError("too_large", "all"))
                continue
            try:
                decoded = signal.item.FromString(item)
            except DecodeError:
                batch.reject(RejectedError("malformed", _broken_field(item, signal.item)))
            else:
                signal.add(decoded, service_of[1], batch)
    except (pieces.BrokenError, DecodeError) as error:
        raise UndecodableError(f"the body is not an {signal.request.__name__} in protobuf: {error}") from None
    return batch


def _broken_field(item: bytes, kind: type[Message]) -> str:
    """The first field of an encoded item that cannot be decoded."""
    try:
        for number, start, end in pieces.top(item):
            try:
                kind.FromString(item[start:end])
            except DecodeError:
                field = kind.DESCRIPTOR.fields_by_number.get(number)
                return f"field {number}" if field is None else str(field.name)
    except pieces.BrokenError:
        pass
    return "a field that does not end"


def encode(message: Message, form: Format) -> bytes:
    """`message` in the format of the request it answers."""
    if form is Format.JSON:
        text: str = json_format.MessageToJson(message, indent=None)
        return text.encode()
    content: bytes = message.SerializeToString()
    return content


def refused(message: str) -> Status:
    """The body of a refusal, as OTLP wants it."""
    return Status(message=message)
