"""The values of attributes as plain data. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue


def plain(value: AnyValue) -> Any:
    """`value` as plain data that JSON can hold; bytes become base64, as OTLP/JSON spells them."""
    kind = value.WhichOneof("value")
    return None if kind is None else _PLAIN[kind](value)


_PLAIN: Final[dict[str, Callable[[AnyValue], Any]]] = {
    "string_value": attrgetter("string_value"),
    "bool_value": attrgetter("bool_value"),
    "int_value": attrgetter("int_value"),
    "double_value": attrgetter("double_value"),
    "array_value": lambda value: [plain(item) for item in value.array_value.values],
    "kvlist_value": lambda value: {item.key: plain(item.value) for item in value.kvlist_value.values},
    "bytes_value": lambda value: base64.b64encode(value.bytes_value).decode(),
}
