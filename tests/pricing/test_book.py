"""Which of the user's own prices applies."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing.book import Models, Period
from tests.support.prices import book

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOBODY = (None, None)
ACME = ("customer", "acme")


def entry(rate, **fields):
    """A price of gpt-4o, or with these fields; its input is `rate`, which tells it from others."""
    given = {"provider": '"openai"', "model": '"gpt-4o"', "input": rate, **fields}
    return "[[prices]]\n" + "".join(f"{name.rstrip('_')} = {value}\n" for name, value in given.items())


def found(text, model="gpt-4o", provider="openai", tier=None, at=NOW, batch=False, entity=None):
    """The rate of what applies."""
    applies = book(text).entry(provider, model, tier, at, batch=batch, entity=entity)
    return None if applies is None else int(applies.rates["input_mtok"].base.scaleb(6))


@pytest.mark.parametrize(
    ("name", "model", "rank"),
    [
        ("gpt-4o", "gpt-4o", (2, 0)),
        ("gpt-4o", "gpt-4o-2024-08-06", (1, 0)),
        ("gpt-4", "gpt-4-0613", (1, 0)),
        ("claude-3-5-haiku", "claude-3-5-haiku-20241022", (1, 0)),
        ("gpt-4o", "gpt-4o-mini", None),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", None),
        ("gpt-4o", "gpt-4o-20", None),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06", (2, 0)),
        ("gpt-4o-2024-08-06", "gpt-4o", None),
        ("gpt-4*", "gpt-4o-mini", (0, 6)),
        ("gpt-4*", "gpt-4", (0, 6)),
        ("gpt-4*", "gpt-5", None),
        ("*", "anything", (0, 1)),
    ],
)
def test_what_a_name_stands_for(name, model, rank):
    assert Models("openai", name).rank("openai", model) == rank
    assert Models(None, name).rank("openai", model) == rank
    assert Models("azure.ai.openai", name).rank("openai", model) is None


def test_upper_and_lower_case_do_not_differ():
    assert found(entry(1, model='"My-Model"', provider='"OpenAI"'), model="mY-mODEL") == 1


@pytest.mark.parametrize(
    "other",
    [{"provider": "azure.ai.openai"}, {"model": "gpt-5"}, {"tier": "priority"}, {"batch": True}],
)
def test_nothing_applies_to_another_call(other):
    assert found(entry(1), **other) is None


@pytest.mark.parametrize("tier", [None, "", "auto", "default", "standard", "on_demand"])
def test_the_standard_tier(tier):
    assert found(entry(1), tier=tier) == 1


def test_tiers_and_batches_are_apart():
    text = entry(1) + entry(2, service_tier='"flex"') + entry(3, batch="true")
    assert [found(text), found(text, tier="flex"), found(text, batch=True)] == [1, 2, 3]
    assert found(text, tier="flex", batch=True) is None


def test_the_name_before_its_dated_version_before_the_longest_beginning():
    text = entry(1, model='"gpt-*"') + entry(2) + entry(3, model='"gpt-4*"')
    text += entry(4, model='"gpt-4o-2024-08-06"') + entry(5, model='"*"')
    models = ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o-mini", "gpt-5", "o3"]
    assert [found(text, model) for model in models] == [2, 4, 2, 3, 1, 5]


def test_the_entity_before_its_type_before_everybody():
    text = entry(1) + entry(2, entity_type='"customer"')
    text += entry(3, entity_type='"customer"', entity_id='"acme"', model='"*"')
    entities = [None, NOBODY, ("team", "acme"), ("customer", "other"), ("customer", None), ACME]
    assert [found(text, entity=entity) for entity in entities] == [1, 1, 1, 2, 2, 3]


def test_what_the_entity_has_nothing_for_is_everybodys():
    text = entry(1, service_tier='"flex"') + entry(2, entity_type='"customer"', entity_id='"acme"')
    assert (found(text, tier="flex", entity=ACME), found(text, entity=ACME)) == (1, 2)


def test_a_period_is_half_open():
    text = entry(1) + entry(2, from_="2026-10-01", until="2026-11-01T00:00:00+01:00")
    instant = timedelta(microseconds=1)
    begins, ends = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert [found(text, at=at) for at in (begins - instant, begins, ends - instant, ends)] == [1, 2, 2, 1]


days = st.integers(0, 60).map(lambda days: datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days))


@given(
    st.dictionaries(st.none() | days, st.none() | st.integers(1, 30), min_size=1, max_size=6),
    days,
    st.randoms(),
)
def test_the_newest_that_holds_applies_in_whatever_order_they_are_written(lengths, at, random):
    periods = {
        start: Period(start, None if start is None or length is None else start + timedelta(length))
        for start, length in lengths.items()
    }
    written = list(enumerate(periods.values()))
    random.shuffle(written)
    text = ""
    for rate, period in written:
        dates = {"from_": period.starts, "until": period.ends}
        text += entry(rate, **{name: date.isoformat() for name, date in dates.items() if date})
    holding = [
        (start is not None, start, rate)
        for rate, (start, period) in enumerate(periods.items())
        if (start is None or start <= at) and (period.ends is None or at < period.ends)
    ]
    expected = max(holding, default=(0, 0, None))[2]
    assert found(text, at=at) == expected


def test_an_alias():
    aliases = '[[aliases]]\nprovider = "azure.ai.openai"\nname = ["prod-*", "prod-old"]\nmodel = "gpt-4o"\n'
    aliases += (
        aliases.replace("gpt-4o", "gpt-4").replace('["prod-*", "prod-old"]', '"Prod-Old"') + "from=2026-11-01"
    )
    own = book(aliases)
    asked = [
        ("azure.ai.openai", "prod-new", NOW),
        ("azure.ai.openai", "prod-old", NOW),
        ("azure.ai.openai", "prod-old", datetime(2026, 10, 1, tzinfo=UTC)),
        ("azure.ai.openai", "dev", NOW),
        ("openai", "prod-new", NOW),
    ]
    assert [own.model(*call) for call in asked] == ["gpt-4o", "gpt-4", "gpt-4o", "dev", "prod-new"]


def test_the_closest_adjustment_is_the_only_one():
    text = ""
    for percent, fields in enumerate(
        [
            'entity_type = "customer"',
            'entity_type = "customer"\nmodel = "gpt-4o"',
            'entity_type = "customer"\nmodel = "gpt-4o"\nprovider = "openai"',
            'entity_type = "customer"\nentity_id = "acme"',
            'entity_type = "customer"\nentity_id = "acme"\nfrom = 2026-11-01',
        ]
    ):
        text += f"[[adjustments]]\npercent = {percent}\n{fields}\n"
    own = book(text)

    def percent(provider, model, entity, at=NOW):
        adjustment = own.adjustment(provider, model, at, entity)
        return None if adjustment is None else int(adjustment.percent)

    other = ("customer", "other")
    assert percent("openai", "gpt-5", other) == 0
    assert percent("azure.ai.openai", "gpt-4o", other) == 1
    assert percent("openai", "gpt-4o", other) == 2
    assert percent("openai", "gpt-4o", ACME) == 4
    assert percent("openai", "gpt-4o", ACME, at=datetime(2026, 10, 1, tzinfo=UTC)) == 3
    assert [percent("openai", "gpt-4o", entity) for entity in (None, NOBODY, ("team", "acme"))] == [None] * 3


def test_entities_that_the_file_does_not_name_share_what_is_remembered():
    from infraprism.pricing import book as module

    own = book(entry(1) + entry(2, entity_type='"customer"'))
    module._entries.cache_clear()
    for number in range(100):
        own.entry("openai", "gpt-4o", None, NOW, entity=("customer", str(number)))
        own.entry("openai", "gpt-4o", None, NOW, entity=("team", str(number)))
    assert module._entries.cache_info().currsize == 2
