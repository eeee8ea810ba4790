"""The attributes of one item, read once: each is taken by the column that knows it, the rest stays JSON.

Pure. Nothing that was sent is lost silently: a value that cannot be used stays among the rest, and the reason
is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from infraprism import dialects, semconv
from infraprism.collector.ingest import quantities
from infraprism.collector.ingest.heads import RejectedError
from infraprism.collector.ingest.shapes import shape_of
from infraprism.collector.ingest.values import plain
from infraprism.pricing import CURRENCY, Status
from infraprism.pricing.stored import FURTHER_FIELDS

#: Every cost status; the vocabulary says what each means.
STATUSES: Final = frozenset(status.value for status in Status)

#: Of one span.
MAX_ATTRIBUTES: Final = 10_000

#: So begins what Logfire sends for `session.id`, which looks like a secret to it; it leaves the other name.
_SCRUBBED: Final = "[Scrubbed due to "

_Read = TypeVar("_Read")


class Cost(NamedTuple):
    """A call's cost as it may be counted."""

    status: str | None
    amount: Decimal | None = None
    parts: dict[str, Decimal] = {}  # noqa: RUF012
    #: What the parts were billed for, in their order.
    quantities: dict[str, Decimal] = {}  # noqa: RUF012
    #: Unix nanoseconds.
    effective_from: int | None = None
    adjustment_percent: Decimal | None = None


class Foreign(NamedTuple):
    """What another instrumentation says of a call."""

    facts: dialects.Facts
    #: What it reckons that the call costs, in USD.
    cost: Decimal | None
    operation: str | None


class Attributes:
    """Attributes of which what a column takes is removed, and what is left is kept as JSON."""

    def __init__(self, attributes: Sequence[KeyValue], dropped: Counter[str]) -> None:
        """Raises `RejectedError` where there are too many."""
        if len(attributes) > MAX_ATTRIBUTES:
            raise RejectedError("too_many_attributes", "attributes")
        values: dict[str, Any] = {}
        for item in attributes:
            value = item.value
            kind = value.WhichOneof("value")
            # Most are texts: what is asked of each is a good part of what a span takes.
            values[item.key] = value.string_value if kind == "string_value" else plain(value)
        self._values = values
        self._shape = shape_of(values)
        self._dropped = dropped

    def is_call(self) -> bool:
        """Whether it is a model call: somebody priced it, or its operation says so.

        Never where it says that its money is counted in another span.
        """
        if semconv.COST_COUNTED_IN in self._values:
            return False
        return semconv.COST_STATUS in self._values or dialects.operation_of(self._values) is not None

    def foreign(self) -> Foreign | None:
        """What another instrumentation says of a call; None where its cost is said by our names.

        To be asked before anything is taken.
        """
        values = self._values
        if semconv.COST_STATUS in values:
            return None
        return Foreign(dialects.read(values), dialects.own_cost(values), dialects.operation_of(values))

    def adopt(self) -> None:
        """Put whose it is, as another instrumentation spells it, under our names."""
        values = self._values
        owner = dialects.owner(values)
        if semconv.SESSION_ID not in values and owner.session_id is not None:
            values[semconv.SESSION_ID] = owner.session_id
        if not any(name in values for name in (semconv.ENTITY_TYPE, semconv.ENTITY_ID)) and owner.user_id:
            values[semconv.ENTITY_TYPE] = semconv.ENTITY_TYPE_USER
            values[semconv.ENTITY_ID] = owner.user_id
        for tag in owner.tags:
            key, _, value = tag.partition(":")
            values.setdefault(semconv.TAG_PREFIX + (key.strip() or tag), value.strip() or "true")
        if owner.tags:
            self._shape = shape_of(values)

    def translate(self) -> None:
        """Put what another instrumentation spells otherwise under the conventions' names."""
        values = self._values
        for name, other in self._shape.spelt_otherwise:
            values[name] = values.pop(other)

    def text(self, name: str) -> str | None:
        """A text, or an integer as text (session ids of databases); empty is None."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            del self._values[name]
            return str(value) or None
        return None

    def integer(self, name: str) -> int:
        """An integer; 0 where there is none."""
        return self._values.pop(name) if type(self._values.get(name)) is int else 0

    def session_id(self) -> str | None:
        """The session's id under either of its names."""
        if str(self._values.get(semconv.SESSION_ID)).startswith(_SCRUBBED):
            return self.text(semconv.CONVERSATION_ID)
        session_id = self.text(semconv.SESSION_ID)
        if session_id is None:
            return self.text(semconv.CONVERSATION_ID)
        if self._values.get(semconv.CONVERSATION_ID) == session_id:
            del self._values[semconv.CONVERSATION_ID]  # the same fact under its other name
        return session_id

    def tokens(self, name: str) -> int | None:
        """A count from 0, or None."""
        value = self._values.get(name)
        if value is None:
            return None
        if type(value) is not int or value < 0:
            self._dropped["tokens_invalid"] += 1
            return None
        del self._values[name]
        return value

    def tags(self) -> dict[str, str]:
        """The tags by key; a value that is no text becomes its JSON."""
        prefix = semconv.TAG_PREFIX
        tags = {}
        for name in self._shape.tags:
            value = self._values.pop(name)
            tags[name.removeprefix(prefix)] = value if isinstance(value, str) else _json(value)
        return tags

    def cost(self, *, is_error: bool) -> Cost:
        """The cost: an amount is there only when it is certain what it means."""
        values = self._values
        status = values.get(semconv.COST_STATUS)
        if status is None:
            return Cost(None if is_error or dialects.is_pending(self._values) else "unpriced")
        if not isinstance(status, str) or status not in STATUSES:
            return self._unpriced("cost_status_unknown")
        del values[semconv.COST_STATUS]
        if status == "unpriced":
            if semconv.COST_AMOUNT in values:
                return self._unpriced("amount_contradicts_status")
            return Cost(status)
        if semconv.COST_AMOUNT not in values:
            return self._unpriced("amount_missing")
        amount = quantities.money(values[semconv.COST_AMOUNT])
        if amount is None:
            return self._unpriced("amount_invalid")
        if values.get(semconv.COST_CURRENCY) != CURRENCY:
            return self._unpriced("currency_unknown")
        if status == "free" and amount:
            return self._unpriced("amount_contradicts_status")
        del values[semconv.COST_AMOUNT]
        return Cost(
            status,
            amount,
            self._cost_parts(),
            self._take(semconv.COST_QUANTITIES, quantities.by_part, "cost_quantities_invalid") or {},
            self._take(semconv.COST_EFFECTIVE_FROM, quantities.moment, "effective_from_invalid"),
            self._take(semconv.COST_ADJUSTMENT_PERCENT, quantities.percentage, "adjustment_percent_invalid"),
        )

    def _unpriced(self, reason: str) -> Cost:
        self._dropped[reason] += 1
        return Cost("unpriced")

    def _cost_parts(self) -> dict[str, Decimal]:
        parts = {}
        for name in self._shape.parts:
            part = quantities.money(self._values[name])
            if part is None:
                self._dropped["cost_part_invalid"] += 1
                continue
            del self._values[name]
            parts[name.removeprefix(semconv.COST_PREFIX)] = part
        return parts

    def usage(self) -> dict[str, Decimal]:
        """The quantities that the conventions have no word for, by their names in `pricing.Usage`."""
        found: dict[str, Decimal] = {}
        if not self._shape.has_usage:
            return found
        for field, is_length in FURTHER_FIELDS.items():
            read = quantities.length if is_length else quantities.count
            number = self._take(semconv.USAGE_PREFIX + field, read, "usage_invalid")
            if number is not None:
                found[field] = number
        return found

    def usage_unpriced(self) -> list[str]:
        """Names of what the call is billed for beside, without a price."""
        if not self._shape.has_usage:
            return []
        return self._take(semconv.USAGE_UNPRICED, quantities.names, "usage_unpriced_invalid") or []

    def is_batch(self) -> bool:
        """Whether it was a request of a batch: said so, or named by its batch."""
        named = semconv.BATCH_ID in self._values or semconv.BATCH_CUSTOM_ID in self._values
        said = self._take(semconv.BATCH_REQUEST, quantities.flag, "batch_request_invalid")
        return named if said is None else said

    def _take(self, name: str, read: Callable[[Any], _Read | None], reason: str) -> _Read | None:
        """What `read` makes of a value; where it makes None, the value stays and `reason` is counted."""
        value = self._values.get(name)
        if value is None:
            return None
        found = read(value)
        if found is None:
            self._dropped[reason] += 1
        else:
            del self._values[name]
        return found

    def remaining(self) -> str:
        """What nobody took, as JSON text."""
        return _json(self._values)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
