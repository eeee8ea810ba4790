"""What a budget is, whose calls it counts, and in which account. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from infraprism.collector.budgets.periods import Period, bounds

Action = Literal["warn", "raise"]
TAG: Final = "tag:"


class Spender(NamedTuple):
    """Whose a call is; None where nobody said."""

    session_id: str | None
    entity_type: str | None
    entity_id: str | None
    tags: Mapping[str, str]


class Account(NamedTuple):
    """What is counted together: the calls of one session, entity or tag value in one period.

    Attributes:
        per: ``session``, ``entity`` or ``tag:`` and the tag's key.
        entity_type, entity_id: whose session it is, or which entity; empty where nobody said, and of a tag.
        value: the session id or the tag's value; empty of an entity.
        only_type, only_id: whose calls only; None for everybody's.
        since, until: Unix nanoseconds, `until` is the first that does not count.
    """

    per: str
    entity_type: str
    entity_id: str
    value: str
    only_type: str | None
    only_id: str | None
    since: int
    until: int

    def counts(self, spender: Spender) -> bool:
        """Whether calls of `spender`, in the period, are counted here."""
        return _key(self.per, self.only_type, self.only_id, spender) == self[1:4]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What may be spent; `docs/api.md` says what the fields mean.

    `id` is None of one that comes with a reservation: the collector does not keep it.
    """

    amount: Decimal
    per: str = "session"
    entity_type: str | None = None
    entity_id: str | None = None
    value: str | None = None
    period: Period = "total"
    action: Action = "warn"
    id: str | None = None
    name: str | None = None
    webhook_url: str | None = None
    created_at: int = 0

    def account(self, spender: Spender, now: int) -> Account | None:
        """The account in which a call of `spender` is counted that begins `now`; None where it is not."""
        key = _key(self.per, self.entity_type, self.entity_id, spender)
        if key is None or (self.value is not None and self.value != key[2]):
            return None
        return Account(self.per, *key, self.entity_type, self.entity_id, *bounds(self.period, now))


def _key(
    per: str, only_type: str | None, only_id: str | None, spender: Spender
) -> tuple[str, str, str] | None:
    if only_type not in (None, spender.entity_type) or only_id not in (None, spender.entity_id):
        return None
    entity = (spender.entity_type or "", spender.entity_id or "")
    if per == "session":
        return None if spender.session_id is None else (*entity, spender.session_id)
    if per == "entity":
        return None if entity == ("", "") else (*entity, "")
    value = spender.tags.get(per[len(TAG) :])
    return None if value is None else ("", "", value)
