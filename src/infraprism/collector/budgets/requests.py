"""Bodies of requests about budgets: JSON in, checked values out, or a problem that names the field."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from infraprism.collector.budgets import addresses
from infraprism.collector.budgets.definitions import TAG, Action, Budget, Spender
from infraprism.collector.budgets.periods import Period
from infraprism.collector.budgets.reserving import Ask
from infraprism.collector.problems import Problem
from infraprism.pricing import CURRENCY

#: Characters of a text, tags and budgets of a reservation.
_LONGEST: Final = 200
_LONGEST_URL: Final = 2000
_MOST: Final = 32
#: What `DECIMAL(38, 24)` holds.
_TOO_MUCH: Final = Decimal("1e14")
_FINEST: Final = -24

_Body = TypeVar("_Body", bound=msgspec.Struct)


class _Inline(msgspec.Struct, forbid_unknown_fields=True):
    amount: Decimal
    per: str = "session"
    period: Period = "total"
    action: Action = "warn"
    entity_type: str | None = None
    entity_id: str | None = None


class _Definition(_Inline, forbid_unknown_fields=True, kw_only=True):
    name: str
    value: str | None = None
    currency: str = CURRENCY
    webhook_url: str | None = None


class _Reservation(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    amount: Decimal | None = None
    session_id: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    tags: dict[str, str] = {}
    budgets: list[_Inline] = []


class _Settlement(msgspec.Struct, forbid_unknown_fields=True):
    trace_id: str
    span_id: str
    amount: Decimal | None = None


def budget(body: bytes, budget_id: str, created_at: int, *, allow_private: bool) -> Budget:
    """The budget that `body` defines. Raises `Problem`."""
    asked = _decode(body, _Definition)
    for name in ("name", "value"):
        _text(name, getattr(asked, name))
    if asked.currency != CURRENCY:
        raise _wrong("currency", f"must be {CURRENCY}: costs are in no other currency")
    if asked.value is not None and asked.per == "entity":
        raise _wrong("value", "is a session id or a tag's value; an entity is told by its type and id")
    if asked.webhook_url is not None:
        if len(asked.webhook_url) > _LONGEST_URL:
            raise _wrong("webhook_url", f"must have at most {_LONGEST_URL} characters")
        try:
            addresses.target(asked.webhook_url, allow_private=allow_private)
        except addresses.AddressError as error:
            raise _wrong("webhook_url", f"cannot be used: {error}") from None
    return Budget(
        **_inline(asked),
        id=budget_id,
        name=asked.name,
        value=asked.value,
        webhook_url=asked.webhook_url,
        created_at=created_at,
    )


def reservation(body: bytes) -> Ask:
    """The call that is to be held. Raises `Problem`."""
    asked = _decode(body, _Reservation)
    for name in ("session_id", "entity_type", "entity_id"):
        _text(name, getattr(asked, name))
    if len(asked.tags) > _MOST or len(asked.budgets) > _MOST:
        name = "tags" if len(asked.tags) > _MOST else "budgets"
        raise _wrong(name, f"must be at most {_MOST}")
    for key, value in asked.tags.items():
        _text("tags", key)
        _text("tags", value)
    if asked.amount is not None:
        _amount("amount", asked.amount)
    return Ask(
        reservation_id(asked.id),
        Spender(asked.session_id, asked.entity_type, asked.entity_id, asked.tags),
        asked.amount,
        tuple(Budget(**_inline(one)) for one in asked.budgets),
    )


def settlement(body: bytes) -> tuple[str, str, Decimal | None]:
    """Trace id and span id of a call, and what it cost; None where that is not known. Raises `Problem`."""
    asked = _decode(body, _Settlement)
    trace_id, span_id = asked.trace_id.lower(), asked.span_id.lower()
    for name, value, digits in (("trace_id", trace_id, 32), ("span_id", span_id, 16)):
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            raise _wrong(name, f"must be {digits} hexadecimal digits")
    if asked.amount is not None:
        _amount("amount", asked.amount)
    return trace_id, span_id, asked.amount


def reservation_id(text: str) -> str:
    """The id of a reservation, which its sender chooses. Raises `Problem`."""
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise _wrong("id", "must be 32 hexadecimal digits in lower case")
    return text


def _inline(asked: _Inline) -> dict[str, Any]:
    _amount("amount", asked.amount)
    if asked.per not in ("session", "entity") and (asked.per == TAG or not asked.per.startswith(TAG)):
        raise _wrong("per", "must be 'session', 'entity' or 'tag:' and a tag's key")
    for name in ("per", "entity_type", "entity_id"):
        _text(name, getattr(asked, name), _LONGEST + len(TAG) if name == "per" else _LONGEST)
    return {name: getattr(asked, name) for name in _Inline.__struct_fields__}


def _amount(name: str, amount: Decimal) -> None:
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not 0 <= amount < _TOO_MUCH or int(exponent) < _FINEST:
        raise _wrong(name, "must be 0 or more, with at most 14 digits before the point and 24 after it")


def _text(name: str, value: str | None, longest: int = _LONGEST) -> None:
    if value is not None and not 0 < len(value) <= longest:
        raise _wrong(name, f"must have 1 to {longest} characters")


def _decode(body: bytes, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found = re.search(r"`\$\.(\w+)|field `(\w+)`", str(error))
        members = {} if found is None else {"parameter": found[1] or found[2]}
        raise Problem(400, f"the body is not what is asked for: {error}", **members) from None


def _wrong(name: str, what: str) -> Problem:
    return Problem(400, f"{name} {what}", parameter=name)
