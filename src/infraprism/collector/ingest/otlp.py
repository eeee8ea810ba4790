"""Bodies of OTLP over HTTP: what a request says, and how its answers are spelt. Protobuf and JSON."""

from __future__ import annotations

from enum import Enum

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from infraprism.collector.ingest import otlp_json
from infraprism.collector.ingest.otlp_json import UndecodableError


class Format(Enum):
    """The two encodings of OTLP over HTTP, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def decode(body: bytes, form: Format, kind: type[Message]) -> tuple[Message, int]:
    """The request of this kind in `body`, and how many of its items had to be left out as malformed.

    Only items of JSON are left out one by one. Raises `UndecodableError`.
    """
    if form is Format.JSON:
        return otlp_json.decode(body, kind)
    try:
        return kind.FromString(body), 0
    except DecodeError as error:
        raise UndecodableError(f"the body is not an {kind.__name__} in protobuf: {error}") from None


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
